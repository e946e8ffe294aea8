"""What the texts say: from what is to be told and who reads it, to characters, parts and credits. Pure."""
