"""Isolated interpreters in one process: the interface that Python 3.14 has under this name.

    from concurrent import interpreters

    interp = interpreters.create()
    interp.exec('print("hello")')
    print(interp.call(pow, 2, 100))
    queue = interpreters.create_queue()
    interp.prepare_main(queue=queue)
    thread = interp.call_in_thread(work)

An interpreter has modules, objects and a lock of its own: two of them, entered from two threads, run at the same time. Values
cross as copies: None, bool, int, float, complex, str, bytes, tuples, lists and dicts of these, queues, and functions that are
called (also those of __main__, with what they need of its globals).
"""
import _interpqueues
import _interpreters
import threading
import weakref
from _interpqueues import Queue, QueueEmpty, QueueError, QueueFull, QueueNotFoundError
from _interpreters import InterpreterError, InterpreterNotFoundError, NotShareableError, is_shareable

__all__ = [
    'get_current', 'get_main', 'create', 'list_all', 'is_shareable', 'Interpreter', 'InterpreterError',
    'InterpreterNotFoundError', 'ExecutionFailed', 'NotShareableError', 'create_queue', 'Queue', 'QueueError',
    'QueueNotFoundError', 'QueueEmpty', 'QueueFull',
]

_WHENCE = {
    _interpreters.WHENCE_UNKNOWN: 'unknown',
    _interpreters.WHENCE_RUNTIME: 'runtime init',
    _interpreters.WHENCE_LEGACY_CAPI: 'legacy C-API',
    _interpreters.WHENCE_CAPI: 'C-API',
    _interpreters.WHENCE_XI: 'cross-interpreter C-API',
    _interpreters.WHENCE_STDLIB: '_interpreters module',
}


class ExecutionFailed(InterpreterError):
    """Code in another interpreter ended in an exception that nobody caught there.

    excinfo tells which: excinfo.type (with __name__, __qualname__ and __module__), excinfo.msg, excinfo.formatted, and
    excinfo.errdisplay, the traceback as it would have been printed there.
    """

    def __init__(self, excinfo):
        super().__init__(excinfo.formatted or excinfo.msg)
        self.excinfo = excinfo

    def __str__(self):
        text = super().__str__()
        if not self.excinfo.errdisplay:
            return text
        return '%s\n\nUncaught in the interpreter:\n\n%s' % (text, self.excinfo.errdisplay.rstrip('\n'))


class Interpreter:
    """One interpreter; there is one object for each in every interpreter that knows of it.

    An interpreter that create() made ends with close(), or when the last of its objects goes, in whatever interpreter.
    """

    # One object for each id, so that identity is equality.
    _known = weakref.WeakValueDictionary()

    def __new__(cls, id, /, _whence=None, _ownsref=None):
        if not isinstance(id, int):
            raise TypeError('id must be an int, got %r' % (id,))
        id = int(id)
        if _whence is None:
            _whence = _interpreters.WHENCE_STDLIB if _ownsref else _interpreters.whence(id)
        if _ownsref is None:
            _ownsref = _whence == _interpreters.WHENCE_STDLIB
        self = cls._known.get(id)
        if self is None:
            if _ownsref:
                _interpreters.incref(id)
            self = super().__new__(cls)
            self._id = id
            self._whence = _whence
            self._ownsref = _ownsref
            cls._known[id] = self
        return self

    def __del__(self):
        # A half-made object, or the end of this interpreter, has nothing to give back.
        if getattr(self, '_ownsref', False):
            self._ownsref = False
            try:
                _interpreters.decref(self._id)
            except InterpreterNotFoundError:
                pass

    def __repr__(self):
        return '%s(%d)' % (type(self).__name__, self._id)

    def __hash__(self):
        return hash(self._id)

    def __reduce__(self):
        return type(self), (self._id,)

    @property
    def id(self):
        return self._id

    @property
    def whence(self):
        """Who made it, as text."""
        return _WHENCE[self._whence]

    @property
    def _restricted(self):
        return self._whence == _interpreters.WHENCE_STDLIB

    def is_running(self):
        """Does some thread run code in its __main__?"""
        return _interpreters.is_running(self._id)

    def close(self):
        """End it, together with its threads.

        InterpreterError while it runs, for the main and the current interpreter, and when it has ended already.
        """
        _interpreters.destroy(self._id, restrict=True)

    def prepare_main(self, ns=None, /, **kwargs):
        """Put values into its __main__; they must be shareable."""
        _interpreters.set___main___attrs(self._id, dict(ns or (), **kwargs), restrict=True)

    def exec(self, code, /):
        """Run code (source, or a function without parameters) in its __main__.

        The calling thread does it and waits for the end. An exception there raises ExecutionFailed.
        """
        excinfo = _interpreters.exec(self._id, code, restrict=True)
        if excinfo is not None:
            raise ExecutionFailed(excinfo)

    def call(self, callable, /, *args, **kwargs):
        """Call something there and return the result; callable, arguments and result must be shareable.

        An exception there raises ExecutionFailed.
        """
        result, excinfo = _interpreters.call(self._id, callable, args, kwargs, restrict=True)
        if excinfo is not None:
            raise ExecutionFailed(excinfo)
        return result

    def call_in_thread(self, callable, /, *args, **kwargs):
        """The same in a new thread, which is returned. Its result is dropped."""
        thread = threading.Thread(target=self.call, args=(callable, *args), kwargs=kwargs)
        thread.start()
        return thread


def create():
    """A new isolated interpreter."""
    id = _interpreters.create(reqrefs=True)
    return Interpreter(id, _interpreters.WHENCE_STDLIB, True)


def list_all():
    """All interpreters, oldest first."""
    found = []
    for id, whence in _interpreters.list_all(require_ready=True):
        try:
            found.append(Interpreter(id, whence))
        except InterpreterNotFoundError:  # ended meanwhile
            pass
    return found


def get_current():
    """The interpreter that runs this."""
    return Interpreter(*_interpreters.get_current())


def get_main():
    """The interpreter that runs the program."""
    return Interpreter(*_interpreters.get_main())


def create_queue(maxsize=0):
    """A new queue that every interpreter can use: it may be sent, as argument or through another queue.

    maxsize bounds the number of objects in it; 0 or less means no bound. What was put stays in the queue although the
    interpreter that put it ends.
    """
    id = _interpqueues.create(maxsize)
    try:
        return Queue(id)
    finally:
        _interpqueues.release(id)
