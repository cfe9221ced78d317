//! The client's `CooperativeStickyAssignor`: the sticky target less every partition that changes hands; its old owner
//! revokes it and the follow-up round gives it out.

use super::AssignorMemory;
use super::layout::{Layout, Slot};
use super::sticky_family::{self, Claim};

pub(super) fn assign(layout: &Layout<'_>, memory: &mut AssignorMemory) -> Vec<Vec<Slot>> {
    let members = layout.input.members.iter();
    let claims: Vec<Claim<'_>> = members.map(|member| (&member.owned).into()).collect();
    let target = sticky_family::assign(layout, &claims, memory);
    let withheld = target
        .transferred
        .unwrap_or_else(|| transferred(layout, &target.lists));
    let mut lists = target.lists;
    for list in &mut lists {
        list.retain(|&slot| !withheld[slot as usize]);
    }
    lists
}

/// `computePartitionsTransferringOwnership`: what is new to its owner and was claimed by somebody who has it no more.
fn transferred(layout: &Layout<'_>, lists: &[Vec<Slot>]) -> Vec<bool> {
    let mut owner = vec![usize::MAX; layout.slots()];
    for (member, list) in lists.iter().enumerate() {
        for &slot in list {
            owner[slot as usize] = member;
        }
    }
    let mut revoked = vec![false; layout.slots()];
    let mut kept = vec![false; layout.slots()];
    for (member, description) in layout.input.members.iter().enumerate() {
        for &partition in &description.owned {
            let Some(slot) = layout.slot(partition) else {
                continue;
            };
            let slot = slot as usize;
            if owner[slot] == member {
                kept[slot] = true;
            } else {
                revoked[slot] = true;
            }
        }
    }
    (0..layout.slots())
        .map(|slot| revoked[slot] && !kept[slot])
        .collect()
}
