//! What is asked of learners and policies.

use std::{path::Path, process::Command};

use drover_proto::v1::{
    PolicyEvent, PolicyHistoryRequest, policy_service_client::PolicyServiceClient,
};
use drover_tests::{Answer, Cluster, clean_command, within_limit};

/// `drover-learner serve` for a cluster.
pub(crate) fn serve<const N: usize>(
    learner: &Path,
    cluster: &Cluster,
    arguments: [&str; N],
) -> Command {
    let mut command = clean_command(learner);
    command
        .args(["serve", "--coordinator", &cluster.urls()])
        .args(arguments)
        .current_dir(cluster.directory());
    command
}

/// Runs it to its end.
pub(crate) async fn to_the_end(command: Command) -> Answer {
    let mut command = tokio::process::Command::from(command);
    within_limit("the learner", command.kill_on_drop(true).output())
        .await
        .expect("the program starts")
        .into()
}

/// Stores weights under a version, and uses them whatever they are.
pub(crate) async fn force(cluster: &Cluster, version: &str, weights: &[u8]) {
    let file = cluster.directory().join(version);
    std::fs::write(&file, weights).expect("writes");
    let path = file.to_str().expect("a path");
    let import = ["policy", "import", path, "--version", version];
    cluster.run(import).await.succeeded();
    cluster.run(["policy", "use", version]).await.succeeded();
}

/// Newest first.
pub(crate) async fn history(cluster: &Cluster) -> Vec<PolicyEvent> {
    let mut client = PolicyServiceClient::new(cluster.channel().await);
    let answer = client.history(PolicyHistoryRequest::default()).await;
    answer.expect("answered").into_inner().events
}
