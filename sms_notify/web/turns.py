"""Whose password is checked next: round robin by address, then by user name; of one name the newest and the oldest in turn.

The newest, because whoever guesses waits for an answer before the next guess: the right password, which comes into the
middle of them, is mostly checked as soon as a thread is free, however many guesses wait, also from the same address
and for the same name. First come, first served would put it behind all of them. The oldest, because guesses that keep
coming would otherwise pass it for ever: so nobody is passed more often than others waited before.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
# 64 checks take a second or two: more of one client would only wait to be told that it was too long.
PER_CLIENT = 64
# Each costs a few kB.
MOST = 256


class _Lane(Generic[T]):
    """The jobs of one client under one name, the oldest first."""

    def __init__(self) -> None:
        self.jobs: deque[T] = deque()
        self._newest = True

    def take(self) -> T:
        newest, self._newest = self._newest, not self._newest
        return self.jobs.pop() if newest else self.jobs.popleft()


class FairQueue(Generic[T]):
    """Jobs that wait, by client and lane."""

    def __init__(self, per_client: int = PER_CLIENT, most: int = MOST) -> None:
        self._per_client = per_client
        self._most = most
        # Both dictionaries are in the order of their next turn.
        self._clients: dict[str, dict[int, _Lane[T]]] = {}
        self._sizes: Counter[str] = Counter()

    def put(self, client: str, lane: int, job: T) -> T | None:
        """Adds a job; returns the one that has to give way where too many wait: the oldest of the fullest lane."""
        self._clients.setdefault(client, {}).setdefault(lane, _Lane()).jobs.append(job)
        self._sizes[client] += 1
        if self._sizes[client] > self._per_client:
            return self._drop(client)
        return self._drop(self._sizes.most_common(1)[0][0]) if self._sizes.total() > self._most else None

    def full(self, client: str) -> bool:
        """Whether one more job of this client makes another one give way."""
        return self._sizes[client] >= self._per_client or self._sizes.total() >= self._most

    def sweep(self, useless: Callable[[T], bool]) -> list[T]:
        """Takes out every job that is of no use any more. Looks at all of them, at most MOST."""
        gone: list[T] = []
        for client, lanes in list(self._clients.items()):
            for lane, waiting in list(lanes.items()):
                gone += [job for job in waiting.jobs if useless(job)]
                kept = [job for job in waiting.jobs if not useless(job)]
                self._sizes[client] -= len(waiting.jobs) - len(kept)
                waiting.jobs = deque(kept)
                if not kept:
                    del lanes[lane]
            if not lanes:
                del self._clients[client], self._sizes[client]
        return gone

    def take(self) -> T | None:
        """The next job; client and lane go to the end of their rows."""
        if not self._clients:
            return None
        client = next(iter(self._clients))
        lanes = self._clients.pop(client)
        lane = next(iter(lanes))
        waiting = lanes.pop(lane)
        job = waiting.take()
        if waiting.jobs:
            lanes[lane] = waiting
        if lanes:
            self._clients[client] = lanes
        self._count_out(client)
        return job

    def _drop(self, client: str) -> T:
        lanes = self._clients[client]
        fullest = max(lanes, key=lambda lane: len(lanes[lane].jobs))
        job = lanes[fullest].jobs.popleft()
        if not lanes[fullest].jobs:
            del lanes[fullest]
        if not lanes:
            del self._clients[client]
        self._count_out(client)
        return job

    def _count_out(self, client: str) -> None:
        self._sizes[client] -= 1
        if not self._sizes[client]:
            del self._sizes[client]
