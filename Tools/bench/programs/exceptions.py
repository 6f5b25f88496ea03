"""try, except, else, finally, raise, chaining, custom exceptions, with blocks, and try that never raises."""
N = 60000


class Refused(Exception):
    def __init__(self, amount, reason):
        super().__init__(reason)
        self.amount = amount


class TooLate(Refused):
    pass


class Guard:
    def __init__(self, log):
        self.log = log

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.log[0] += 1
        return kind is not None and issubclass(kind, TooLate)


def withdraw(balance, amount):
    if amount > balance:
        raise Refused(amount, 'balance too low')
    if amount % 17 == 0:
        raise TooLate(amount, 'closed')
    return balance - amount


def nested(depth, value):
    if depth == 0:
        return 100 // (value % 5)
    try:
        return nested(depth - 1, value) + 1
    finally:
        value += 1


def run(n):
    log = [0]
    counts = {}
    balance = 500
    total = 0
    table = {'a': 1}
    for i in range(n):
        try:
            balance = withdraw(balance, i % 50)
        except TooLate as error:
            counts['late'] = counts.get('late', 0) + error.amount
        except Refused as error:
            counts['refused'] = counts.get('refused', 0) + 1
            balance += 2 * error.amount
        else:
            total += 1
        finally:
            total += i & 1
        with Guard(log):
            if i % 34 == 0:
                withdraw(1000, 17)
        try:
            total += table['a']
            if i % 8 == 0:
                total += table['b']
        except KeyError:
            total += 3
        if i % 4 == 0:
            try:
                total += nested(4, i)
            except ZeroDivisionError as error:
                try:
                    raise ValueError(i) from error
                except ValueError as outer:
                    total += isinstance(outer.__cause__, ZeroDivisionError)
    return total, balance, log[0], sorted(counts.items())
