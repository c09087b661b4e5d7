# The hold model in SimPy: so many timers pend, each that fires sets the next. Prints events a second.
import sys
import time

import simpy

kind, events, pending = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
delays = [1 + ((index * 7919) % 1000) for index in range(4096)]


def hold():
    environment = simpy.Environment()
    drawn = fired = 0

    def delay():
        nonlocal drawn
        drawn += 1
        return delays[drawn & 4095]

    def fire(_):
        nonlocal fired
        fired += 1
        if fired + pending <= events:
            environment.timeout(delay()).callbacks.append(fire)

    def sleeper():
        nonlocal fired
        while fired < events:
            yield environment.timeout(delay())
            fired += 1

    for _ in range(pending):
        if kind == "callbacks":
            environment.timeout(delay()).callbacks.append(fire)
        else:
            environment.process(sleeper())
    environment.run()
    return fired


hold()
started = time.perf_counter()
fired = hold()
assert fired >= events, f"{fired} of {events} events"
print(fired / (time.perf_counter() - started))
