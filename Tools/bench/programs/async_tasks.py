"""Coroutines under a small scheduler of our own: await, async for, async with, cancellation."""
N = 4000


class Switch:
    """Hands a value to the scheduler and goes on in the next round."""

    def __init__(self, value):
        self.value = value

    def __await__(self):
        return (yield self.value)


class Ticker:
    def __init__(self, count):
        self.left = count

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.left == 0:
            raise StopAsyncIteration
        self.left -= 1
        await Switch(1)
        return self.left


class Lease:
    held = 0

    async def __aenter__(self):
        await Switch(1)
        Lease.held += 1
        return self

    async def __aexit__(self, *error):
        Lease.held -= 1
        await Switch(2)


async def halves(value):
    while value:
        yield value
        value //= 2
        await Switch(1)


async def job(number, log):
    total = 0
    async with Lease():
        async for tick in Ticker(6):
            total += tick * number
    async for value in halves(number):
        total += value
    total += sum([v async for v in halves(number) if v & 1])
    log.append(total)
    return total


def schedule(coroutines):
    ready = list(coroutines)
    switches = 0
    results = []
    while ready:
        following = []
        for coroutine in ready:
            try:
                switches += coroutine.send(None)
            except StopIteration as stop:
                results.append(stop.value)
            else:
                following.append(coroutine)
        ready = following
    return switches, results


def run(n):
    log = []
    switches, results = schedule(job(i, log) for i in range(n))
    stopped = job(5, log)
    stopped.send(None)
    stopped.close()
    return switches, sum(results), len(log), Lease.held
