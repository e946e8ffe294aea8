"""`python -m sms_notify` is the command itself."""

from sms_notify.cli import main

if __name__ == "__main__":
    main()
