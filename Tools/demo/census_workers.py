"""Who does the counting: this interpreter, N isolated interpreters in N threads, or N forked processes.

Each way calls `progress(path)` for every file done and returns the sum of what was counted. This is the only place
that knows the `interpreters` package.
"""
import ast
import os
import select

import census_count

HERE = os.path.dirname(os.path.abspath(__file__))

# What each isolated interpreter runs. A job is a path; None says that there are no more.
WORKER = '''
import sys
sys.path.insert(0, folder)
import census_count

census = census_count.Census()
while True:
    path = jobs.recv()
    if path is None:
        break
    census.add_file(root, path)
    results.send(path)
results.send(census.pack())
'''


class WorkerFailed(Exception):
    pass


def count_here(root, paths, progress):
    census = census_count.Census()
    for path in paths:
        census.add_file(root, path)
        progress(path)
    return census


def count_in_interpreters(root, paths, progress, number):
    """Jobs go out over one channel to whoever is free, results come back over another."""
    import threading
    import interpreters

    jobs_receive, jobs_send = interpreters.create_channel()
    results_receive, results_send = interpreters.create_channel()

    def work():
        try:
            interp = interpreters.create()
            try:
                interp.exec(WORKER, folder=HERE, root=root, jobs=jobs_receive, results=results_send)
            finally:
                interp.close()
        except BaseException as exc:        # told to the thread that waits for results, which raises it
            results_send.send(('failed', '%s: %s' % (type(exc).__name__, exc)))

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for path in paths:
        jobs_send.send(path)
    for _ in range(number):
        jobs_send.send(None)
    census = census_count.Census()
    left = number
    failure = None
    while left:
        message = results_receive.recv()
        if isinstance(message, str):
            progress(message)
        else:
            left -= 1
            if message[0] == 'failed':
                failure = failure or message[1]
            else:
                census.merge(census_count.Census.unpack(message))
    for thread in threads:
        thread.join()
    if failure:
        raise WorkerFailed(failure)
    return census


def count_in_processes(root, paths, progress, number):
    """The same with forked processes: jobs are numbers in a pipe that all read, results come back over pipes."""
    jobs, jobs_in = os.pipe()
    # Reads of whole small records from a pipe are not torn apart; a pipe holds 64 KiB of them at least.
    records = b''.join(i.to_bytes(4, 'little') for i in range(len(paths)))
    if len(records) > 65536:
        raise ValueError('more files than a pipe holds')
    os.write(jobs_in, records)
    os.close(jobs_in)
    children = {}
    for _ in range(number):
        results, results_in = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                work_in_process(root, paths, jobs, results_in)
                status = 0
            finally:
                os._exit(status)
        os.close(results_in)
        children[results] = (pid, [])
    os.close(jobs)
    census = census_count.Census()
    failed = False
    while children:
        for results in select.select(list(children), [], [])[0]:
            data = os.read(results, 1 << 16)
            pid, parts = children[results]
            if data:
                # One line per file, then the counts on the last line.
                for _ in range(data.count(b'\n')):
                    progress(None)
                parts.append(data)
                continue
            os.close(results)
            del children[results]
            failed = os.waitpid(pid, 0)[1] != 0 or failed
            text = b''.join(parts).rpartition(b'\n')[2].decode()
            if not failed:
                census.merge(census_count.Census.unpack(ast.literal_eval(text)))
    if failed:
        raise WorkerFailed('a forked process failed')
    return census


def work_in_process(root, paths, jobs, results):
    census = census_count.Census()
    while record := os.read(jobs, 4):
        census.add_file(root, paths[int.from_bytes(record, 'little')])
        os.write(results, b'\n')
    data = repr(census.pack()).encode()
    while data:
        data = data[os.write(results, data):]
