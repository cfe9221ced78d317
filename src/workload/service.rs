//! Service times: how long processing a record takes, a pure function of (seed, topic, partition, offset).
