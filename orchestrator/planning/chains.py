"""A schedule as who waits for whom: on each agent and on each key the tasks form a chain.

A task starts as soon as what it needs and those before it in its chains have ended. The sequence holds all tasks, each
behind whatever it waits for; places are those in the sequence, also of tasks that are taken out: these take no time and no
agent, but still stand between what they need and what needs them.
"""

from bisect import bisect_left

from orchestrator.planning.shop import Shop, Timetable, in_time


class Chains:
    """A schedule that can be changed a task at a time; times are as fresh as the last pass over them."""

    def __init__(self, shop: Shop, first: Timetable) -> None:
        self._shop = shop
        self._none = len(shop.length)  #: stands before the first and behind the last of a chain
        self.keys = [tuple(len(shop.agents) + key for key in keys) for keys in shop.keys]
        self.sequence = in_time(shop, first)
        self.place = [0] * len(shop.length)
        self.agent = list(first.agent)
        self.length = list(shop.length)
        self.finish = [0] * (len(shop.length) + 1)
        self.tail = [0] * (len(shop.length) + 1)
        self.chains: list[list[int]] = [[] for _ in range(len(shop.agents) + shop.key_count)]
        self._before = [[self._none] * (1 + len(keys)) + list(shop.needs[task]) for task, keys in enumerate(self.keys)]
        self.after = [[self._none] * (1 + len(keys)) + list(shop.followers[task]) for task, keys in enumerate(self.keys)]
        self._link = [{key: 1 + number for number, key in enumerate(keys)} for keys in self.keys]  #: agents: 0
        self.number(0, len(self.sequence))
        for task in self.sequence:
            self.put(task, self.agent[task])

    def number(self, first: int, last: int) -> None:
        """Note the places of the tasks from one place up to another."""
        for place, task in enumerate(self.sequence[first:last], start=first):
            self.place[task] = place

    def move(self, task: int, place: int) -> tuple[int, int]:
        """Move a task that is taken out to before a place; gives the first and the last place that is another's now."""
        here = self.place[task]
        del self.sequence[here]
        there = place - (place > here)
        self.sequence.insert(there, task)
        low, high = (here, there) if here < there else (there, here)
        self.number(low, high + 1)
        return low, high

    def take(self, task: int) -> None:
        """Take a task out of its chains; it keeps its place."""
        for number, one in enumerate((self.agent[task], *self.keys[task])):
            self.chains[one].remove(task)
            self._join(one, self._before[task][number], self.after[task][number])
            self._before[task][number] = self.after[task][number] = self._none
        self.length[task] = 0

    def put(self, task: int, agent: int) -> None:
        """Put a task into its chains, by its place."""
        self.agent[task] = agent
        self.length[task] = self._shop.length[task]
        for one in (agent, *self.keys[task]):
            chain = self.chains[one]
            at = bisect_left(chain, self.place[task], key=self.place.__getitem__)
            self._join(one, chain[at - 1] if at else self._none, task)
            self._join(one, task, chain[at] if at < len(chain) else self._none)
            chain.insert(at, task)

    def pass_on(self, first: int, last: int) -> None:
        """Work out when the tasks from one place up to another end."""
        finish, before, length = self.finish, self._before, self.length
        for task in self.sequence[first:last]:
            start = 0
            for one in before[task]:
                if finish[one] > start:  # noqa: PLR1730 - max() takes three times as long, and this is done most of all
                    start = finish[one]
            finish[task] = start + length[task]

    def pass_back(self, first: int, last: int) -> None:
        """Work out the longest path from each of these tasks to the end, itself included."""
        tail, after, length = self.tail, self.after, self.length
        for task in self.sequence[first:last][::-1]:
            longest = 0
            for one in after[task]:
                if tail[one] > longest:  # noqa: PLR1730 - as above
                    longest = tail[one]
            tail[task] = longest + length[task]

    def settle(self) -> None:
        """Bring the sequence into the order of the starts."""
        start = [finish - length for finish, length in zip(self.finish, self.length, strict=False)]
        self.sequence.sort(key=start.__getitem__)
        self.number(0, len(self.sequence))

    def timetable(self) -> Timetable:
        """Give the schedule as it is."""
        start = [finish - length for finish, length in zip(self.finish, self.length, strict=False)]
        return Timetable(makespan=max(self.finish), start=start, agent=list(self.agent))

    def _join(self, one: int, before: int, after: int) -> None:
        """Let two tasks be neighbours in a chain."""
        if before != self._none:
            self.after[before][self._link[before].get(one, 0)] = after
        if after != self._none:
            self._before[after][self._link[after].get(one, 0)] = before
