//! (a) in nexosim: actors that schedule themselves.

use std::time::Duration;

use nexosim::model::{Context, Model, schedulable};
use nexosim::ports::Output;
use nexosim::simulation::{Mailbox, SimInit};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::events::{Dice, MEANS};

/// Fewer than ours: the cost of one is what counts.
const EVENTS: u64 = 200_000;
const CUSTOMERS: u64 = 100_000;

#[derive(Serialize, Deserialize)]
struct Timer {
    state: u64,
}

impl Timer {
    fn delay(&mut self) -> Duration {
        let mut dice = Dice(self.state);
        let delay = dice.delay();
        self.state = dice.0;
        Duration::from_micros(delay)
    }
}

#[Model]
impl Timer {
    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        let delay = self.delay();
        let armed = context.schedule_event(delay, schedulable!(Self::fire), ());
        armed.expect("the delay is not zero");
    }

    #[nexosim(schedulable)]
    async fn fire(&mut self, _: (), context: &Context<Self>) {
        let delay = self.delay();
        let armed = context.schedule_event(delay, schedulable!(Self::fire), ());
        armed.expect("the delay is not zero");
    }
}

/// Nanoseconds an event.
pub fn timers(entities: u32) -> f64 {
    let mut bench = SimInit::with_num_threads(1);
    for entity in 0..entities {
        let timer = Timer {
            state: u64::from(entity),
        };
        bench = bench.add_model(timer, Mailbox::new(), "timer");
    }
    let mut simulation = bench.init(MonotonicTime::EPOCH).expect("it is assembled");
    // Each timer fires once a second in the mean.
    let span = Duration::from_micros(EVENTS * 1_000_000 / u64::from(entities));
    let (nanos, ended) = clock::measured(|| simulation.step_until(span));
    ended.expect("it runs to its end");
    nanos / EVENTS as f64
}

#[derive(Serialize, Deserialize)]
struct Source {
    state: u64,
    left: u64,
    out: Output<u64>,
}

#[Model]
impl Source {
    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        self.arm(context);
    }

    #[nexosim(schedulable)]
    async fn come(&mut self, _: (), context: &Context<Self>) {
        self.out.send(self.left).await;
        self.left -= 1;
        self.arm(context);
    }
}

impl Source {
    fn arm(&mut self, context: &Context<Self>) {
        if self.left == 0 {
            return;
        }
        let mut dice = Dice(self.state);
        let delay = Duration::from_micros(dice.exponential(MEANS[0]));
        self.state = dice.0;
        let armed = context.schedule_event(delay, schedulable!(Self::come), ());
        armed.expect("the delay is not zero");
    }
}

#[derive(Serialize, Deserialize)]
struct Server {
    state: u64,
    waiting: u64,
}

#[Model]
impl Server {
    async fn take(&mut self, _customer: u64, context: &Context<Self>) {
        self.waiting += 1;
        if self.waiting == 1 {
            self.serve(context);
        }
    }

    #[nexosim(schedulable)]
    async fn done(&mut self, _: (), context: &Context<Self>) {
        self.waiting -= 1;
        if self.waiting > 0 {
            self.serve(context);
        }
    }
}

impl Server {
    fn serve(&mut self, context: &Context<Self>) {
        let mut dice = Dice(self.state);
        let delay = Duration::from_micros(dice.exponential(MEANS[1]));
        self.state = dice.0;
        let armed = context.schedule_event(delay, schedulable!(Self::done), ());
        armed.expect("the delay is not zero");
    }
}

/// Nanoseconds a customer.
pub fn queue() -> f64 {
    let (source_box, server_box) = (Mailbox::new(), Mailbox::new());
    let mut source = Source {
        state: 1,
        left: CUSTOMERS,
        out: Output::default(),
    };
    source.out.connect(Server::take, &server_box);
    let server = Server {
        state: 2,
        waiting: 0,
    };
    let bench = SimInit::with_num_threads(1)
        .add_model(source, source_box, "source")
        .add_model(server, server_box, "server");
    let mut simulation = bench.init(MonotonicTime::EPOCH).expect("it is assembled");
    let (nanos, ended) = clock::measured(|| simulation.run());
    ended.expect("it runs to its end");
    nanos / CUSTOMERS as f64
}
