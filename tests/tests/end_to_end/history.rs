//! What a live cluster did is exported, and can be simulated.

use drover_sim::trace::{Runs, history};
use drover_tests::{Cluster, Settings};
use tempfile::TempDir;

