//! What must hold after every event, whatever the scenario does.

use std::collections::BTreeMap;

use super::world::World;
use crate::assignor::TopicPartition;
use crate::timeline::GroupState;

impl World<'_> {
    /// # Errors
    /// The first invariant that does not hold, in words.
    pub(super) fn check_invariants(&self) -> Result<(), String> {
        for (group, host) in self.groups.iter().enumerate() {
            let name = &self.plan.groups[group].name;
            if host.coordinator.state() != GroupState::Dead {
                host.coordinator
                    .check()
                    .map_err(|broken| format!("group {name}: {broken}"))?;
            }
            for account in &host.accounts {
                account
                    .check()
                    .map_err(|broken| format!("group {name}: {broken}"))?;
            }
            self.check_single_owner(group, name)?;
        }
        Ok(())
    }

    /// No two live members of the coordinator's generation own a partition. Zombies, which real Kafka allows too, are not of that generation.
    fn check_single_owner(&self, group: usize, name: &str) -> Result<(), String> {
        let host = &self.groups[group];
        let mut owners: BTreeMap<TopicPartition, &str> = BTreeMap::new();
        for process in self
            .processes
            .iter()
            .filter(|process| process.group.index() == group)
        {
            let Some(client) = &process.client else {
                continue;
            };
            let member = &client.member;
            let current = member.is_joined()
                && member.generation() == host.coordinator.generation()
                && host.coordinator.contains(member.member_id());
            if !current || member.is_rejoining() {
                continue;
            }
            for &partition in member.owned().iter() {
                if let Some(other) = owners.insert(partition, &process.name) {
                    return Err(format!(
                        "group {name}: {other} and {} own {}-{} in generation {}",
                        process.name,
                        partition.topic.0,
                        partition.partition,
                        member.generation()
                    ));
                }
            }
        }
        Ok(())
    }
}
