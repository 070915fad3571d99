//! What there is and what is free.

use drover_proto::v1;

use crate::{
    cordon,
    databases::Database,
    support::{FakeAgent, get, jobs, nodes, start_on, submit, submit_job, task},
    well_known,
};

pub(crate) async fn resources_are_told_by_node_class_and_cluster(database: Database) {
    let handle = start_on(&database.url).await;
    let mut licensed = well_known("n1");
    let capacity = licensed.capacity.as_mut().unwrap();
    capacity.custom.insert("licence".to_owned(), 3);
    let mut first = FakeAgent::join(&handle, licensed).await.unwrap();
    let mut edge = well_known("n2");
    edge.attributes.as_mut().unwrap().class = v1::NodeClass::Edge.into();
    let _second = FakeAgent::join(&handle, edge).await.unwrap();
    cordon(&handle, "n2").await;
    let mut wants = task("a", &[]);
    wants.resources = Some(v1::Resources {
        cpu_millis: 1_000,
        custom: [("licence".to_owned(), 2)].into(),
        ..Default::default()
    });
    let mut client = jobs(&handle).await;
    submit_job(&mut client, submit("licensed", vec![wants.clone()])).await;
    first.assignment().await;
    let told = nodes(&handle)
        .await
        .resources(v1::GetResourcesRequest {})
        .await
        .unwrap()
        .into_inner();
    let [n1, n2] = told.nodes.as_slice() else {
        panic!("two nodes, not {:?}", told.nodes);
    };
    let licences = |resources: &Option<v1::Resources>| {
        let resources = resources.as_ref().unwrap();
        resources.custom.get("licence").copied().unwrap_or_default()
    };
    assert_eq!((licences(&n1.capacity), licences(&n1.used)), (3, 2));
    assert_eq!(licences(&n1.available), 1);
    let cpu = |resources: &Option<v1::Resources>| resources.as_ref().unwrap().cpu_millis;
    assert_eq!((cpu(&n2.capacity), cpu(&n2.available)), (4_000, 0));
    let all = told.cluster.unwrap();
    assert_eq!((all.nodes, all.ready_nodes), (2, 1));
    assert_eq!((cpu(&all.capacity), cpu(&all.available)), (8_000, 3_000));
    let classes: Vec<_> = told
        .classes
        .iter()
        .map(|class| (class.class(), class.nodes, cpu(&class.used)))
        .collect();
    assert!(
        classes.contains(&(v1::NodeClass::Cloud, 1, 1_000)),
        "{classes:?}"
    );
    assert!(
        classes.contains(&(v1::NodeClass::Edge, 1, 0)),
        "{classes:?}"
    );
    // One is left, and this wants two: it is never given what is not there.
    let id = submit_job(&mut client, submit("waits", vec![wants])).await;
    let waiting = get(&mut client, &id).await;
    let reason = &waiting.tasks[0].pending_reason;
    assert!(reason.contains("licence"), "{reason}");
}
