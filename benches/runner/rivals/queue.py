"""The timers and the M/M/1 queue of `events.rs` in SimPy. Prints nanoseconds of processor time an event or a customer."""

import random
import sys
import time

import simpy


def timers(entities, events):
    env = simpy.Environment()
    dice = random.Random(1)

    def timer():
        while True:
            yield env.timeout(1 + dice.randrange(2_000_000))

    for _ in range(entities):
        env.process(timer())
    # Each fires once a second in the mean.
    span = events * 1_000_000 // entities
    began = time.process_time_ns()
    env.run(until=span)
    return (time.process_time_ns() - began) / events


def queue(customers, between, served):
    env = simpy.Environment()
    arrivals, services = random.Random(1), random.Random(2)
    server = simpy.Resource(env)

    def customer():
        with server.request() as turn:
            yield turn
            yield env.timeout(services.expovariate(1 / served))

    def source():
        for _ in range(customers):
            yield env.timeout(arrivals.expovariate(1 / between))
            env.process(customer())

    env.process(source())
    began = time.process_time_ns()
    env.run()
    return (time.process_time_ns() - began) / customers


if sys.argv[1] == "timers":
    print(timers(int(sys.argv[2]), int(sys.argv[3])))
else:
    print(queue(int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
