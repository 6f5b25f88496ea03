/* Calls posted to interpreters from threads that have none, and from each other. */
#include "host.h"

static PyInterpreterState *target;
static int64_t target_id;

struct numbered {
    PyPendingCall call;
    int poster, number;
};
enum { POSTERS = 3, EACH = 2000 };
static struct numbered nodes[POSTERS][EACH];
static int next_number[POSTERS];
static atomic_long calls, wrong;

static int note(void *p)
{
    struct numbered *n = p;
    if (PyInterpreterState_GetID(PyInterpreterState_Get()) != target_id || n->number != next_number[n->poster])
        atomic_fetch_add(&wrong, 1);
    next_number[n->poster] = n->number + 1;
    atomic_fetch_add(&calls, 1);
    return 0;
}

static void *post_all(void *p)
{
    int poster = (int)(intptr_t)p;
    for (int i = 0; i < EACH; ++i) {
        nodes[poster][i] = (struct numbered){PyPendingCall_INIT(note, &nodes[poster][i]), poster, i};
        CHECK(PyInterpreterState_PostPendingCall(target, &nodes[poster][i].call) == 0);
    }
    return NULL;
}

static atomic_long plain;
static int count(void *p)
{
    (void)p;
    atomic_fetch_add(&plain, 1);
    return 0;
}

/* Each interpreter posts to the other. */
struct ball {
    PyInterpreterView *sides[2];
    PyPendingCall call;
};
static atomic_long bounces;
static int bounce(void *p)
{
    struct ball *ball = p;
    long n = atomic_fetch_add(&bounces, 1);
    if (n < 50)
        CHECK(PyInterpreterView_PostPendingCall(ball->sides[n % 2], &ball->call) == 0);
    return 0;
}

int main(void)
{
    start();
    PyThreadState *main_state = PyThreadState_Get();
    PyThreadState *own;
    target_id = own_interpreter(&own);
    target = own->interp;
    PyThreadState_Swap(main_state);

    /* An idle target, */
    pthread_t threads[POSTERS];
    for (int busy = 0; busy < 2; ++busy) {
        atomic_store(&calls, 0);
        memset(next_number, 0, sizeof next_number);
        if (busy)
            PyThreadState_Swap(own);
        for (int i = 0; i < POSTERS; ++i)
            CHECK(pthread_create(&threads[i], NULL, post_all, (void *)(intptr_t)i) == 0);
        /* and one that runs. */
        for (double end = now() + 10; busy && atomic_load(&calls) < POSTERS * EACH && now() < end;)
            CHECK(PyRun_SimpleString("for i in range(1000): pass") == 0);
        CHECK(reached(&calls, POSTERS * EACH));
        for (int i = 0; i < POSTERS; ++i)
            join(threads[i]);
        CHECK(atomic_load(&wrong) == 0);
        if (busy)
            PyThreadState_Swap(main_state);
    }

    /* At most once while it waits. */
    PyPendingCall once = PyPendingCall_INIT(count, NULL);
    PyThreadState_Swap(own);
    CHECK(PyInterpreterState_PostPendingCall(target, &once) == 0);
    CHECK(PyInterpreterState_PostPendingCall(target, &once) == 1);
    CHECK(Py_MakePendingCalls() == 0);
    CHECK(atomic_load(&plain) == 1);
    CHECK(PyInterpreterState_PostPendingCall(target, &once) == 0);
    CHECK(Py_MakePendingCalls() == 0);
    CHECK(atomic_load(&plain) == 2);

    /* Back and forth between two interpreters, neither of which does anything else. */
    static struct ball ball;
    ball.sides[0] = PyInterpreterView_FromMain();
    ball.sides[1] = PyInterpreterView_FromCurrent();
    ball.call = (PyPendingCall)PyPendingCall_INIT(bounce, &ball);
    CHECK(ball.sides[0] && ball.sides[1]);
    CHECK(PyInterpreterView_PostPendingCall(ball.sides[0], &ball.call) == 0);
    CHECK(reached(&bounces, 51));

    /* The end makes what waits, and refuses what comes later. */
    for (int i = 0; i < 10; ++i)
        CHECK(PyInterpreterState_AddPendingCall(target, count, NULL) == 0);
    Py_EndInterpreter(own);
    PyEval_RestoreThread(main_state);
    CHECK(atomic_load(&plain) == 12);
    CHECK(PyInterpreterView_AddPendingCall(ball.sides[1], count, NULL) == -1 && PyErr_Occurred());
    PyErr_Clear();
    CHECK(PyInterpreterState_AddPendingCall(target, count, NULL) == -1 && PyErr_Occurred());
    PyErr_Clear();
    PyInterpreterView_Close(ball.sides[0]);
    PyInterpreterView_Close(ball.sides[1]);

    atomic_store(&plain, 0);
    CHECK(Py_AddPendingCall(count, NULL) == 0);
    CHECK(PyRun_SimpleString("for i in range(1000): pass") == 0);
    CHECK(atomic_load(&plain) == 1);
    CHECK(Py_AddPendingCall(count, NULL) == 0);
    CHECK(Py_FinalizeEx() == 0);
    CHECK(atomic_load(&plain) == 2);
    puts("ok");
    return 0;
}
