"""Isolated interpreters in one process, and channels between them.

    import interpreters

    receive, send = interpreters.create_channel()
    interp = interpreters.create()
    interp.exec('results.send(sum(range(n)))', n=1000, results=send)
    print(receive.recv())
    interp.close()

Each interpreter has modules, objects and a lock of its own: two of them, entered from two threads, run at the same time.
What they tell each other goes through channels. None, bool, int, float, complex, str, bytes, tuples, lists and dicts of
these, and ends of channels can be sent; the receiver gets an equal object of its own.
"""
import _interpchannels
import _interpreters
from _interpchannels import (
    ChannelClosedError, ChannelEmptyError, ChannelError, ChannelFullError, ChannelNotEmptyError, ChannelNotFoundError,
    RecvChannel, SendChannel,
)
from _interpreters import InterpreterError, InterpreterNotFoundError, NotShareableError, is_shareable

__all__ = [
    'create', 'list_all', 'get_current', 'get_main', 'Interpreter', 'is_shareable', 'create_channel', 'list_all_channels',
    'RecvChannel', 'SendChannel', 'InterpreterError', 'InterpreterNotFoundError', 'ExecutionFailed', 'RunFailedError',
    'NotShareableError', 'ChannelError', 'ChannelNotFoundError', 'ChannelClosedError', 'ChannelEmptyError',
    'ChannelFullError', 'ChannelNotEmptyError',
]


class ExecutionFailed(InterpreterError):
    """Code that was run in another interpreter ended in an exception.

    excinfo tells which: excinfo.type.__name__ (also __qualname__, __module__), excinfo.msg, excinfo.formatted ("type: message")
    and excinfo.errdisplay, the traceback as it would have been printed there.
    """

    def __init__(self, excinfo):
        super().__init__(excinfo.formatted)
        self.excinfo = excinfo

    @property
    def remote_traceback(self):
        return self.excinfo.errdisplay

    def __str__(self):
        return '%s\n\nin the other interpreter:\n\n%s' % (self.excinfo.formatted, self.excinfo.errdisplay.rstrip())


RunFailedError = ExecutionFailed


class Interpreter:
    """One interpreter. Objects of the same id are the same object's views; the interpreter goes on without them."""

    __slots__ = ('_id', '__weakref__')

    def __init__(self, id, /):
        if not isinstance(id, int):
            raise TypeError('id must be an int, got %r' % (id,))
        _interpreters.whence(id)
        self._id = int(id)

    def __repr__(self):
        return '%s(%d)' % (type(self).__name__, self._id)

    def __eq__(self, other):
        if not isinstance(other, Interpreter):
            return NotImplemented
        return self._id == other._id

    def __hash__(self):
        return hash(self._id)

    @property
    def id(self):
        return self._id

    def is_running(self):
        """Does somebody run code in its __main__?"""
        return _interpreters.is_running(self._id)

    def prepare_main(self, ns=None, /, **kwargs):
        """Put values into its __main__."""
        _interpreters.set___main___attrs(self._id, dict(ns or (), **kwargs))

    def exec(self, source, /, **init):
        """Run source code in its __main__, where the given values are put first.

        The calling thread does it, and waits for the end. An exception there raises ExecutionFailed here.
        """
        excinfo = _interpreters.exec(self._id, source, init or None)
        if excinfo is not None:
            raise ExecutionFailed(excinfo)

    def call(self, callable, /, *args, **kwargs):
        """Call something there, in the calling thread, and return the result.

        Functions are rebuilt from their code (those of modules are imported); arguments and result must be shareable. An
        exception there raises ExecutionFailed here.
        """
        result, excinfo = _interpreters.call(self._id, callable, args, kwargs)
        if excinfo is not None:
            raise ExecutionFailed(excinfo)
        return result

    def post(self, callable, /, *args):
        """Have something called there as soon as may be, without waiting for it. What it raises is reported as unraisable."""
        _interpreters.post(self._id, callable, args)

    def interrupt(self):
        """Raise KeyboardInterrupt in what runs there. InterpreterError when nothing does."""
        _interpreters.interrupt(self._id)

    def statistics(self):
        """What it holds and has used so far, as attributes: memory in bytes, times in seconds.

        memory, blocks, reserved, memory_limit; lock_taken, lock_held, lock_waits, lock_waited; cpu_time, cpu_limit; pending_posted,
        pending_run, pending_waiting; collections (by generation), collected; threads; attached.
        """
        return _interpreters.statistics(self._id)

    def set_limits(self, *, memory=None, cpu_time=None):
        """Limit its memory (bytes, in steps of 64 KiB) and processor time (seconds from now on); 0 takes a limit away.

        Beyond them MemoryError or TimeoutError is raised there, and nowhere else.
        """
        _interpreters.set_limits(self._id, memory=memory, cpu_time=cpu_time)

    def close(self):
        """End it. InterpreterError while it runs, and for the current and the main interpreter."""
        _interpreters.destroy(self._id)


def create():
    """A new isolated interpreter, which lives until it is closed or the process ends."""
    return Interpreter(_interpreters.create('isolated'))


def list_all():
    """All interpreters, oldest first."""
    found = []
    for id, _ in _interpreters.list_all():
        try:
            found.append(Interpreter(id))
        except InterpreterNotFoundError:  # ended meanwhile
            pass
    return found


def get_current():
    """The interpreter that runs this."""
    return Interpreter(_interpreters.get_current()[0])


def get_main():
    """The interpreter that runs the program."""
    return Interpreter(_interpreters.get_main()[0])


def create_channel(capacity=0):
    """A new channel: (RecvChannel, SendChannel).

    capacity bounds the number of messages in it; 0 means no bound. An end is open as long as some interpreter holds an
    object for it: after the last SendChannel has gone receivers get what is left, then ChannelClosedError; when the last
    RecvChannel has gone senders get ChannelClosedError, and what was in the channel is dropped.
    """
    return _interpchannels.create(capacity)


def list_all_channels():
    """The numbers of all channels."""
    return _interpchannels.list_all()
