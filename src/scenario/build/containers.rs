//! What the containers of a pod ask for and may use: by the manifest's `resources`, and by `pod` where that says otherwise.
//!
//! The consumers run in the first container. Kubernetes adds up what all containers ask for; a limit is each container's own.

use crate::kernel::SimDuration;
use crate::platform::pod::{CpuSpec, MemorySpec};
use crate::scenario::check::duration_or;
use crate::scenario::code::Code;
use crate::scenario::diagnostic::Diagnostic;
use crate::scenario::shape::{Item, Typed};

use super::Builder;

/// One of cpu (thousandths of a core) and memory (bytes).
#[derive(Clone, Copy, Default)]
struct Resource {
    request: Option<u64>,
    limit: Option<u64>,
}

/// A container of a manifest.
pub(super) struct Container {
    pub(super) name: String,
    cpu: Resource,
    memory: Resource,
}

/// What all of them ask for; nothing where one does not say, or there are none.
fn sum(containers: &[Container], of: impl Fn(&Container) -> Resource) -> Option<u64> {
    let requests = containers.iter().map(|one| of(one).request);
    let sum: Option<u64> = requests.sum();
    sum.filter(|_| !containers.is_empty())
}

impl Builder<'_, '_> {
    /// The containers of a pod's manifest.
    pub(super) fn containers(&mut self, item: Option<&Item>) -> Vec<Container> {
        let items = item.map_or(&[][..], Item::items).iter();
        items
            .map(|item| Container {
                name: item
                    .get("name")
                    .and_then(Item::text)
                    .unwrap_or("")
                    .to_owned(),
                cpu: self.resource(item.get("resources"), "cpu"),
                memory: {
                    let bytes = |thousandths: u64| thousandths.div_ceil(1_000);
                    let Resource { request, limit } =
                        self.resource(item.get("resources"), "memory");
                    Resource {
                        request: request.map(bytes),
                        limit: limit.map(bytes),
                    }
                },
            })
            .collect()
    }

    /// In thousandths. A request that is left out is the limit (`SetDefaults_Pod`).
    fn resource(&mut self, item: Option<&Item>, name: &str) -> Resource {
        let place = |key: &str| item.and_then(|item| item.get(key)?.get(name));
        let limit = place("limits").and_then(Item::quantity);
        let request = place("requests").and_then(Item::quantity).or(limit);
        if let (Some(at), Some(limit)) = (place("limits"), limit) {
            if request.is_some_and(|request| limit < request) {
                let message = format!("the limit of {name} is below its request");
                self.error(Code::Exclusive, at, message);
            } else if limit == 0 {
                self.error(Code::Limit, at, format!("nothing runs without any {name}"));
            }
        }
        Resource { request, limit }
    }

    pub(super) fn cpu(&mut self, item: Option<&Item>, containers: &[Container]) -> Option<CpuSpec> {
        let own = containers
            .first()
            .map_or(Resource::default(), |one| one.cpu);
        let Some(item) = item else {
            let spec = CpuSpec {
                request_m: sum(containers, |one| one.cpu),
                container_request_m: own.request,
                limit_m: own.limit,
                idle_m: 0,
                boot: None,
            };
            return (own.request.or(own.limit).or(spec.request_m)).map(|_| spec);
        };
        let milli = |key: &str| item.get(key).and_then(Item::quantity);
        let request_m = milli("request").or(sum(containers, |one| one.cpu));
        let limit_m = milli("limit").or(own.limit);
        if request_m.is_none() && item.get("request").is_none() {
            let message = "a cpu lacks `request`, and so do the manifest's containers";
            self.error(Code::MissingKey, item, message);
        }
        if let Some(at) = item.get("limit") {
            if limit_m == Some(0) {
                self.error(Code::Limit, at, "nothing runs without any processor");
            } else if limit_m.is_some_and(|limit| request_m.is_some_and(|m| limit < m)) {
                self.error(Code::Exclusive, at, "`limit` is below `request`");
            }
        }
        if let (Some(at), Some(limit)) = (item.get("idle"), limit_m)
            && at.quantity().is_some_and(|idle| idle >= limit)
        {
            let message = "`idle` leaves nothing of the limit: it would never process anything";
            self.error(Code::Exclusive, at, message);
        }
        let cores = item.get("boot").and_then(|boot| boot.get("cores"));
        if let (Some(at), Some(limit)) = (cores, limit_m)
            && at.quantity().is_some_and(|cores| cores > limit)
        {
            let message = "the start-up cannot burn more than the limit allows";
            self.report(
                Diagnostic::note(Code::Ignored, at.span, message)
                    .help("what is above the limit only takes more from processing meanwhile"),
            );
        }
        let boot = item.get("boot").map(|boot| {
            let cores = boot.get("cores").and_then(Item::quantity).unwrap_or(0);
            (cores, duration_or(boot.get("for"), SimDuration::ZERO))
        });
        Some(CpuSpec {
            request_m,
            container_request_m: milli("request").or(own.request),
            limit_m,
            idle_m: milli("idle").unwrap_or(0),
            boot,
        })
    }

    pub(super) fn memory(
        &mut self,
        item: Option<&Item>,
        containers: &[Container],
    ) -> Option<MemorySpec> {
        let own = containers
            .first()
            .map_or(Resource::default(), |one| one.memory);
        let bytes = |key: &str| match item?.get(key).map(|size| &size.value) {
            Some(Typed::Size(bytes)) => Some(*bytes),
            _ => None,
        };
        let limit = bytes("limit").or(own.limit);
        let factor = item.and_then(|item| item.get("per_buffered_byte")?.factor());
        let spec = MemorySpec {
            limit: limit.unwrap_or(u64::MAX),
            request: sum(containers, |one| one.memory).or(limit),
            container_request: own.request.or(limit),
            base: bytes("base").unwrap_or(0),
            per_partition: bytes("per_partition").unwrap_or(0),
            per_buffered_byte: factor.unwrap_or(1_000),
        };
        let Some(item) = item else {
            return (own.limit.or(own.request).or(spec.request)).map(|_| spec);
        };
        if limit.is_none() && item.get("limit").is_none() {
            let message = "a memory lacks `limit`, and so does the manifest's first container";
            self.error(Code::MissingKey, item, message);
        }
        if let Some(at) = item.get("base").filter(|_| spec.base > spec.limit) {
            self.error(
                Code::Exclusive,
                at,
                "`base` is above `limit`: it would never run",
            );
        }
        Some(spec)
    }
}
