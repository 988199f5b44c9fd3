"""A model of the server as processes that wait for one another, run by discrete events: what two cores
cannot show. It knows nothing but costs that were measured; nothing of it is a measurement.

Clients ask again as soon as they are answered. A request visits a process for some time of its
processor, and then the next one; each process serves one visit at a time, in order. All that are busy
share the cores: with more of them than cores each runs so much slower. The store serves lookups
before writes, and writes in batches: fewer than WORTHWHILE wait for the flush under way, as in
src/store/batch.c. A flush takes its time and no core, and answers all that was committed before it."""
import collections
import itertools

BATCH_MAX, WORTHWHILE = 32, 16

# Microseconds. load, worker: of the processor for each request; a worker's are spread over its visits.
# lookup: the store's for a lookup. batch, write: its for a transaction, and for each write in it.
Costs = collections.namedtuple("Costs", "load worker lookup batch write flush")


class Process:
    """One visit at a time. what: what remains of the visit, in microseconds, and who is called then."""

    def __init__(self):
        self.queue, self.remaining, self.then = collections.deque(), 0.0, None

    def visit(self, cost, then):
        self.queue.append((cost, then))

    def take(self):
        if self.then is None and self.queue:
            self.remaining, self.then = self.queue.popleft()
        return self.then is not None


class Store(Process):
    def __init__(self, costs):
        super().__init__()
        self.costs, self.line = costs, []
        self.committed, self.flushing, self.flush_ends = [], [], None

    def write(self, then):
        self.line.append(then)

    def take(self):
        if super().take():
            return True
        if not self.line or (self.flushing and len(self.line) < WORTHWHILE):
            return False
        batch, self.line = self.line[:BATCH_MAX], self.line[BATCH_MAX:]
        self.remaining = self.costs.batch + self.costs.write * len(batch)
        self.then = lambda: self.committed.extend(batch)
        return True

    def flush(self, now):
        """Ends the one under way when it is over, and begins the next one."""
        if self.flush_ends is not None and now >= self.flush_ends:
            answered, self.flushing, self.flush_ends = self.flushing, [], None
            for then in answered:
                then()
        if self.flush_ends is None and self.committed:
            self.flushing, self.committed = self.committed, []
            self.flush_ends = now + self.costs.flush


class Model:
    """kind: "me", which a worker answers alone, or "signup", which asks the store twice."""

    def __init__(self, kind, costs, workers, cores, clients=64):
        self.kind, self.costs, self.cores, self.clients = kind, costs, cores, clients
        self.load, self.store = Process(), Store(costs)
        self.workers = [Process() for _ in range(workers)]
        self.processes = [self.load, self.store, *self.workers]
        self.now, self.answered = 0.0, 0

    def ask(self, worker):
        self.load.visit(self.costs.load, lambda: self.steps(worker))

    def steps(self, worker):
        def answer():
            self.answered += 1
            self.ask(worker)
        if self.kind == "me":
            worker.visit(self.costs.worker, answer)
            return
        share = self.costs.worker / 3
        worker.visit(share, lambda: self.store.visit(self.costs.lookup, lambda: worker.visit(
            share, lambda: self.store.write(lambda: worker.visit(share, answer)))))

    def step(self):
        """To the next moment at which a visit or a flush ends."""
        busy = [process for process in self.processes if process.take()]
        speed = min(1.0, self.cores / len(busy)) if busy else 1.0
        waits = [process.remaining / speed for process in busy]
        if self.store.flush_ends is not None:
            waits.append(self.store.flush_ends - self.now)
        passed = max(0.0, min(waits))
        self.now += passed
        for process in busy:
            process.remaining -= passed * speed
            if process.remaining <= 1e-9:
                then, process.then = process.then, None
                then()
        self.store.flush(self.now)

    def per_second(self, requests=4000):
        """After a fourth of them, which are not counted."""
        for _, worker in zip(range(self.clients), itertools.cycle(self.workers)):
            self.ask(worker)
        while self.answered < requests / 4:
            self.step()
        began, before = self.now, self.answered
        while self.answered - before < requests:
            self.step()
        return (self.answered - before) / (self.now - began) * 1e6
