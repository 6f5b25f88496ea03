"""A little operating system: tasks of several kinds exchange packets under a priority scheduler."""
N = 20


class Packet:
    def __init__(self, kind, link=None):
        self.kind = kind
        self.link = link
        self.value = 0
        self.data = [0, 0, 0, 0]

    def append_to(self, queue):
        self.link = None
        if queue is None:
            return self
        last = queue
        while last.link is not None:
            last = last.link
        last.link = self
        return queue


class Task:
    def __init__(self, system, name, priority, work):
        self.system = system
        self.name = name
        self.priority = priority
        self.work = work
        self.waiting = False
        self.held = False
        self.runs = 0
        system.add(self)

    def receive(self, packet):
        self.work = packet.append_to(self.work)
        self.waiting = False

    def take(self):
        packet = self.work
        if packet is not None:
            self.work = packet.link
            packet.link = None
        return packet

    def runnable(self):
        return not self.held and (not self.waiting or self.work is not None)

    def step(self):
        raise NotImplementedError


class Idler(Task):
    def __init__(self, system, name, rounds):
        super().__init__(system, name, 0, None)
        self.rounds = rounds
        self.seed = 1

    def step(self):
        self.rounds -= 1
        if self.rounds == 0:
            self.held = True
            return
        self.seed = (self.seed * 1103515245 + 12345) & 0x7FFFFFFF
        self.system.release('disk' if self.seed & 0x10000 else 'line')


class Worker(Task):
    def __init__(self, system, name, work):
        super().__init__(system, name, 1000, work)
        self.target = 'disk-handler'
        self.letter = 0

    def step(self):
        packet = self.take()
        if packet is None:
            self.waiting = True
            return
        self.target = 'line-handler' if self.target == 'disk-handler' else 'disk-handler'
        packet.kind = 'work'
        packet.value = 0
        for i in range(4):
            self.letter = self.letter % 26 + 1
            packet.data[i] = 64 + self.letter
        self.system.send(self.target, packet)


class Handler(Task):
    """Serves jobs in small pieces, one piece each time its device is ready."""

    def __init__(self, system, name, priority, device, work):
        super().__init__(system, name, priority, work)
        self.device = device
        self.jobs = None

    def step(self):
        packet = self.take()
        if packet is not None:
            if packet.kind == 'device':
                self.system.send('worker', packet)
            else:
                self.jobs = packet.append_to(self.jobs)
        device = self.system.by_name[self.device]
        job = self.jobs
        if job is not None and device.pending:
            device.pending -= 1
            if job.value < 4:
                self.system.note(job.data[job.value])
                job.value += 1
            else:
                self.jobs = job.link
                job.kind = 'device'
                self.system.send('worker', job)
        self.waiting = self.work is None


class Device(Task):
    def __init__(self, system, name, handler):
        super().__init__(system, name, 4000, None)
        self.handler = handler
        self.pending = 0
        self.held = True

    def step(self):
        self.held = True
        self.pending += 1
        self.system.nudge(self.handler)


class System:
    def __init__(self):
        self.tasks = []
        self.by_name = {}
        self.sent = 0
        self.noted = 0

    def add(self, task):
        self.tasks.append(task)
        self.by_name[task.name] = task
        self.tasks.sort(key=lambda t: -t.priority)

    def send(self, name, packet):
        self.sent += 1
        self.by_name[name].receive(packet)

    def release(self, name):
        self.by_name[name].held = False

    def nudge(self, name):
        self.by_name[name].waiting = False

    def note(self, value):
        self.noted = (self.noted * 31 + value) & 0xFFFFFF

    def run(self):
        steps = 0
        while True:
            for task in self.tasks:
                if task.runnable():
                    task.runs += 1
                    task.step()
                    steps += 1
                    break
            else:
                return steps
            if self.by_name['idle'].held:
                return steps


def chain(kind, count):
    first = None
    for _ in range(count):
        first = Packet(kind, first)
    return first


def run(n):
    results = []
    for turn in range(n):
        system = System()
        Idler(system, 'idle', 1500 + turn)
        Worker(system, 'worker', chain('work', 3))
        Handler(system, 'disk-handler', 2000, 'disk', chain('device', 3))
        Handler(system, 'line-handler', 3000, 'line', chain('device', 3))
        Device(system, 'disk', 'disk-handler')
        Device(system, 'line', 'line-handler')
        steps = system.run()
        results.append((steps, system.sent, system.noted, [t.runs for t in system.tasks]))
    return results[0], results[-1]
