"""A client that shares no code with Drover: stubs made from proto/ by grpcio-tools, nothing else.

    client.py ADDRESS [PID]    checks the server at ADDRESS; gives up early when the process PID ends

`scripts/python-client` makes the stubs, starts the server and runs this.
"""

import os
import sys
import time
import uuid

import grpc
from drover.v1 import job_pb2, job_service_pb2, job_service_pb2_grpc, node_service_pb2, node_service_pb2_grpc
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2, status_pb2

# Far above what any call takes: a limit for hung servers, not a measure.
TIMEOUT_S = 120

ENDED = {
    job_pb2.JOB_STATE_SUCCEEDED,
    job_pb2.JOB_STATE_FAILED,
    job_pb2.JOB_STATE_TIMED_OUT,
    job_pb2.JOB_STATE_CANCELLED,
}


def simulated(name, milliseconds, needs=()):
    duration = duration_pb2.Duration()
    duration.FromMilliseconds(milliseconds)
    return job_pb2.TaskSpec(name=name, needs=needs, simulate=job_pb2.Simulate(duration=duration))


def diamond(name):
    """a -> (b, c) -> d; d is a real process."""
    return job_pb2.JobSpec(
        name=name,
        labels={"client": "python"},
        tasks=[
            simulated("a", 100),
            simulated("b", 200, ["a"]),
            simulated("c", 50, ["a"]),
            job_pb2.TaskSpec(
                name="d",
                needs=["b", "c"],
                command=job_pb2.Command(
                    argv=[b"printf '%s from d' \"$GREETING\"; echo oops >&2"],
                    shell=True,
                    env={"GREETING": b"hello"},
                ),
            ),
        ],
    )


class Checks:
    def __init__(self, channel):
        self.channel = channel
        self.jobs = job_service_pb2_grpc.JobServiceStub(channel)
        self.nodes = node_service_pb2_grpc.NodeServiceStub(channel)

    def submit(self, spec, request_id=""):
        request = job_service_pb2.SubmitRequest(spec=spec, request_id=request_id)
        return self.jobs.Submit(request, timeout=TIMEOUT_S)

    def get(self, job_id):
        return self.jobs.Get(job_service_pb2.GetJobRequest(job_id=job_id), timeout=TIMEOUT_S)

    def watch(self, job_id):
        """Follows the job to its end; returns its last state and those of its tasks, as the stream told them."""
        stream = self.jobs.Watch(job_service_pb2.WatchJobRequest(job_id=job_id), timeout=TIMEOUT_S)
        state, tasks, turn = None, None, 0
        for message in stream:
            assert message.turn >= turn, f"turn {message.turn} after turn {turn}"
            turn = message.turn
            event = message.WhichOneof("event")
            assert (event == "snapshot") == (tasks is None), "a stream begins with its only snapshot"
            if event == "snapshot":
                state = message.snapshot.state
                tasks = [task.state for task in message.snapshot.tasks]
            elif event == "task":
                tasks[message.task.task] = message.task.state
            elif event == "job":
                state = message.job.state
        return state, tasks

    def health_reports_serving(self):
        check = self.channel.unary_unary("/grpc.health.v1.Health/Check")
        assert check(b"", timeout=TIMEOUT_S) == b"\x08\x01", "the server is not SERVING"

    def dag_runs_to_its_end_in_order(self):
        spec = diamond("python-diamond")
        job_id = self.submit(spec).job_id
        state, tasks = self.watch(job_id)
        assert state == job_pb2.JOB_STATE_SUCCEEDED, job_pb2.JobState.Name(state)
        assert tasks == [job_pb2.TASK_STATE_SUCCEEDED] * 4, tasks

        job = self.get(job_id)
        assert job.id == job_id
        assert job.state == state
        assert job.spec.name == spec.name and job.spec.labels == spec.labels
        assert [task.name for task in job.tasks] == ["a", "b", "c", "d"]
        assert (job.counts.total, job.counts.succeeded, job.counts.active) == (4, 4, 0), job.counts
        attempts = {task.name: task.attempts[-1] for task in job.tasks}
        for task in spec.tasks:
            for need in task.needs:
                started = attempts[task.name].start_time.ToMilliseconds()
                ended = attempts[need].end_time.ToMilliseconds()
                assert started >= ended, f"{task.name} started at {started}, before {need} ended at {ended}"
        assert attempts["d"].exit_code == 0 and attempts["d"].HasField("exit_code")

        known = {node.name for node in self.nodes.List(node_service_pb2.ListNodesRequest(), timeout=TIMEOUT_S).nodes}
        assert {attempt.node for attempt in attempts.values()} <= known, (attempts, known)
        node = self.nodes.Get(node_service_pb2.GetNodeRequest(name=attempts["d"].node), timeout=TIMEOUT_S)
        assert node.state == node_service_pb2.NODE_STATE_READY and node.capacity.cpu_millis > 0, node

    def logs_are_kept(self):
        job_id = self.submit(diamond("python-logs")).job_id
        self.watch(job_id)
        request = job_service_pb2.GetLogsRequest(job_id=job_id, task="d", follow=True)
        written, ended = {}, False
        for line in self.jobs.GetLogs(request, timeout=TIMEOUT_S):
            assert line.task == "d" and line.attempt == 1, line
            written[line.stream] = written.get(line.stream, b"") + line.data
            ended = ended or line.end
        assert ended, "the end of the log did not arrive"
        assert written[job_service_pb2.LOG_STREAM_STDOUT] == b"hello from d", written
        assert written[job_service_pb2.LOG_STREAM_STDERR] == b"oops\n", written

    def list_has_pages(self):
        ids = [self.submit(job_pb2.JobSpec(name=name, namespace="pages", tasks=[simulated("t", 1)])).job_id
               for name in ("first", "second", "third")]
        listed, token = [], ""
        while True:
            request = job_service_pb2.ListJobsRequest(namespace="pages", page_size=2, page_token=token)
            page = self.jobs.List(request, timeout=TIMEOUT_S)
            assert len(page.jobs) <= 2, len(page.jobs)
            listed += [job.id for job in page.jobs]
            token = page.next_page_token
            if not token:
                break
        assert listed == ids[::-1], f"expected {ids} newest first, got {listed}"

    def cycle_is_refused_with_its_place(self):
        spec = job_pb2.JobSpec(
            name="python-cycle",
            namespace="cycles",
            tasks=[simulated("hen", 1, ["egg"]), simulated("egg", 1, ["hen"]), simulated("farmer", 1)],
        )
        code, details = self.refusal(lambda: self.submit(spec))
        assert code == grpc.StatusCode.INVALID_ARGUMENT, code
        assert details[error_details_pb2.ErrorInfo].domain == "drover", details
        assert details[error_details_pb2.ErrorInfo].reason, details
        [violation] = details[error_details_pb2.BadRequest].field_violations
        assert violation.field.startswith("tasks"), violation
        assert "hen" in violation.description and "egg" in violation.description, violation
        assert "farmer" not in violation.description, violation
        stored = self.jobs.List(job_service_pb2.ListJobsRequest(namespace="cycles"), timeout=TIMEOUT_S)
        assert not stored.jobs, "a refused job was stored"

    def request_id_makes_submit_idempotent(self):
        request_id = str(uuid.uuid4())
        first = self.submit(diamond("python-once"), request_id)
        again = self.submit(diamond("python-once"), request_id)
        assert not first.duplicate and again.duplicate, (first, again)
        assert first.job_id == again.job_id, (first, again)
        code, _ = self.refusal(lambda: self.submit(diamond("python-other"), request_id))
        assert code == grpc.StatusCode.ALREADY_EXISTS, code
        state, _ = self.watch(first.job_id)
        assert state == job_pb2.JOB_STATE_SUCCEEDED, state

    def cancelled_job_ends_cancelled(self):
        hour_ms = 3_600_000
        job_id = self.submit(job_pb2.JobSpec(name="python-cancel", tasks=[simulated("long", hour_ms)])).job_id
        request = job_service_pb2.CancelJobRequest(job_id=job_id, reason="seen enough")
        self.jobs.Cancel(request, timeout=TIMEOUT_S)
        state, tasks = self.watch(job_id)
        assert state == job_pb2.JOB_STATE_CANCELLED, job_pb2.JobState.Name(state)
        assert tasks == [job_pb2.TASK_STATE_CANCELLED], tasks
        code, _ = self.refusal(lambda: self.jobs.Cancel(request, timeout=TIMEOUT_S))
        assert code == grpc.StatusCode.FAILED_PRECONDITION, code

    def unknown_job_is_not_found(self):
        code, _ = self.refusal(lambda: self.get("01890000-0000-7000-8000-000000000000"))
        assert code == grpc.StatusCode.NOT_FOUND, code

    @staticmethod
    def refusal(call):
        """The code that a call is refused with, and its google.rpc details by type."""
        try:
            answer = call()
        except grpc.RpcError as error:
            metadata = dict(error.trailing_metadata())
            status = status_pb2.Status.FromString(metadata.get("grpc-status-details-bin", b""))
            details = {}
            for kind in (error_details_pb2.ErrorInfo, error_details_pb2.BadRequest):
                for packed in status.details:
                    message = kind()
                    if packed.Unpack(message):
                        details[kind] = message
            return error.code(), details
        raise AssertionError(f"the call was expected to be refused, but answered {answer}")


def wait_until_ready(channel, pid):
    """Returns when the server answers; fails when its process ends first."""
    ready = grpc.channel_ready_future(channel)
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return ready.result(timeout=0.2)
        except grpc.FutureTimeoutError:
            if pid is not None and not os.path.exists(f"/proc/{pid}"):
                sys.exit("the server ended before it answered")
            if time.monotonic() > deadline:
                sys.exit(f"the server did not answer within {TIMEOUT_S} s")


def main():
    address = sys.argv[1]
    pid = sys.argv[2] if len(sys.argv) > 2 else None
    with grpc.insecure_channel(address) as channel:
        wait_until_ready(channel, pid)
        checks = Checks(channel)
        for check in (
            checks.health_reports_serving,
            checks.dag_runs_to_its_end_in_order,
            checks.logs_are_kept,
            checks.list_has_pages,
            checks.cycle_is_refused_with_its_place,
            checks.request_id_makes_submit_idempotent,
            checks.cancelled_job_ends_cancelled,
            checks.unknown_job_is_not_found,
        ):
            check()
            print(f"ok {check.__name__}")


if __name__ == "__main__":
    main()
