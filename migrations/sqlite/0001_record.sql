-- The durable record. See migrations/postgres for the reasons; here are only the differences.
-- open_jobs exists for the sake of one shape of queries in both databases.

CREATE TABLE lease (
    id         INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch      INTEGER NOT NULL,
    turn       INTEGER NOT NULL,
    holder     TEXT    NOT NULL,
    instance   BLOB    CHECK (length(instance) = 16),
    -- Milliseconds since 1970, by the clock of this host.
    expires_at INTEGER NOT NULL,
    model_time INTEGER NOT NULL
) STRICT;

INSERT INTO lease VALUES (1, 0, 0, '', NULL, 0, 0);

CREATE TABLE jobs (
    -- 16 bytes, which order as UUIDs do.
    id           BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    namespace    TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    queue        TEXT    NOT NULL,
    priority     INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 100),
    state        TEXT    NOT NULL
        CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'timed_out', 'cancelled',
                         'rolling_back', 'rolled_back', 'rollback_failed')),
    intent       TEXT    NOT NULL
        CHECK (intent IN ('run', 'cancel', 'fail', 'expire', 'roll_back', 'abandon')),
    submitted_at INTEGER NOT NULL,
    started_at   INTEGER,
    ended_at     INTEGER,
    deadline     INTEGER,
    message      TEXT,
    request_id   TEXT,
    traceparent  TEXT,
    task_count   INTEGER NOT NULL CHECK (task_count > 0),
    spec         BLOB    NOT NULL,
    replay_of    BLOB    CHECK (length(replay_of) = 16)
) STRICT;

CREATE INDEX jobs_newest ON jobs (namespace, id);
CREATE UNIQUE INDEX jobs_request ON jobs (namespace, request_id) WHERE request_id IS NOT NULL;

CREATE TABLE open_jobs (
    id BLOB NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
    job_id    BLOB    NOT NULL PRIMARY KEY,
    namespace TEXT    NOT NULL,
    queue     TEXT    NOT NULL,
    ended_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dead_letters_newest ON dead_letters (namespace, job_id);

CREATE TABLE attempts (
    job_id      BLOB    NOT NULL CHECK (length(job_id) = 16),
    task        INTEGER NOT NULL CHECK (task >= 0),
    attempt     INTEGER NOT NULL CHECK (attempt > 0),
    state       TEXT    NOT NULL
        CHECK (state IN ('assigned', 'running', 'stopping', 'stopping_timeout', 'stopping_requeue',
                         'succeeded', 'failed', 'timed_out', 'cancelled', 'lost', 'expired',
                         'requeued')),
    node        TEXT    NOT NULL CHECK (node <> '' OR state = 'expired'),
    assigned_at INTEGER NOT NULL,
    started_at  INTEGER,
    ended_at    INTEGER,
    exit_code   INTEGER,
    message     TEXT,
    retry_at    INTEGER,
    decision    TEXT,
    cost_per_hour_micros INTEGER NOT NULL CHECK (cost_per_hour_micros >= 0),
    power_milliwatts     INTEGER NOT NULL CHECK (power_milliwatts >= 0),
    PRIMARY KEY (job_id, task, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE nodes (
    name            TEXT    NOT NULL PRIMARY KEY,
    incarnation     INTEGER NOT NULL,
    agent_version   TEXT    NOT NULL,
    cpu_millis      INTEGER NOT NULL CHECK (cpu_millis >= 0),
    memory_bytes    INTEGER NOT NULL CHECK (memory_bytes >= 0),
    gpus            INTEGER NOT NULL CHECK (gpus >= 0),
    disk_bytes      INTEGER NOT NULL CHECK (disk_bytes >= 0),
    named_resources TEXT    NOT NULL,
    given           TEXT    NOT NULL,
    overrides       TEXT    NOT NULL,
    admission       TEXT    NOT NULL CHECK (admission IN ('open', 'cordoned', 'draining')),
    drain_deadline  INTEGER CHECK (drain_deadline IS NULL OR admission = 'draining'),
    joined_at       INTEGER NOT NULL
) STRICT;

CREATE TABLE queues (
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    settings  BLOB NOT NULL,
    PRIMARY KEY (namespace, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE estimates (
    signature INTEGER NOT NULL,
    node      TEXT    NOT NULL,
    learned   TEXT    NOT NULL,
    PRIMARY KEY (signature, node)
) STRICT, WITHOUT ROWID;

CREATE TABLE policies (
    version    TEXT    NOT NULL PRIMARY KEY,
    state      TEXT    NOT NULL CHECK (state IN ('candidate', 'live', 'retired')),
    created_at INTEGER NOT NULL,
    weights    BLOB,
    sha256     TEXT CHECK ((sha256 IS NULL) = (weights IS NULL)),
    command    TEXT    NOT NULL,
    seed       INTEGER,
    parent     TEXT,
    evaluation TEXT,
    note       TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX policies_live ON policies (state) WHERE state = 'live';

CREATE TABLE policy_events (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    kind         TEXT    NOT NULL
        CHECK (kind IN ('import', 'use', 'promote', 'roll_back', 'fall_back', 'refuse')),
    from_version TEXT,
    to_version   TEXT    NOT NULL,
    who          TEXT    NOT NULL,
    why          TEXT    NOT NULL
) STRICT;
CREATE INDEX policy_events_to ON policy_events (to_version, id);

CREATE TABLE log_chunks (
    job_id       BLOB    NOT NULL,
    task         INTEGER NOT NULL,
    attempt      INTEGER NOT NULL,
    start_offset INTEGER NOT NULL CHECK (start_offset >= 0),
    stream       INTEGER NOT NULL CHECK (stream IN (1, 2)),
    length       INTEGER NOT NULL CHECK (length >= 0),
    data         BLOB    NOT NULL,
    is_end       INTEGER NOT NULL CHECK (is_end IN (0, 1)),
    PRIMARY KEY (job_id, task, attempt, start_offset)
) STRICT;
