-- The durable record. See migrations/sqlite for the same tables in SQLite.
--
-- Tasks have no rows: where a task stands follows from its attempts, its dependencies and the intent of its job.
-- There are no foreign keys: their triggers would lock the job's row once per attempt, which costs more than the insert
-- itself. The lease row lets one writer in, and that writer's guards are counted in commit_turn.
-- Times of the model are bigint, milliseconds since 1970. Only the lease uses the clock of the database.

-- One row. It fences every commit, is the lock between leaders, and says which turn is durable.
CREATE TABLE lease (
    id         smallint    NOT NULL PRIMARY KEY CHECK (id = 1),
    epoch      bigint      NOT NULL,
    turn       bigint      NOT NULL,
    -- Where the leader is reached. Empty: nobody leads.
    holder     text        NOT NULL,
    -- Which process there: two may give the same address by mistake.
    instance   uuid,
    expires_at timestamptz NOT NULL,
    model_time bigint      NOT NULL
) WITH (fillfactor = 20);

INSERT INTO lease VALUES (1, 0, 0, '', NULL, 'epoch', 0);

-- fillfactor leaves room for the new versions of a row on its own page, so that updates stay HOT: they touch no index.
-- All rows of a page are updated soon after they were inserted, many of them in one turn, and vacuum comes much later:
-- room for one more version of each is needed, that is half of the page, and more for attempts, which grow when they
-- end. With 80 two updates of three were not HOT, and a task cost half as much CPU again and twice the log.
CREATE TABLE jobs (
    id           uuid     NOT NULL PRIMARY KEY,
    namespace    text     NOT NULL,
    name         text     NOT NULL,
    queue        text     NOT NULL,
    priority     smallint NOT NULL CHECK (priority BETWEEN 0 AND 100),
    state        text     NOT NULL
        CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'timed_out', 'cancelled',
                         'rolling_back', 'rolled_back', 'rollback_failed')),
    intent       text     NOT NULL
        CHECK (intent IN ('run', 'cancel', 'fail', 'expire', 'roll_back', 'abandon')),
    submitted_at bigint   NOT NULL,
    started_at   bigint,
    ended_at     bigint,
    deadline     bigint,
    message      text,
    request_id   text,
    traceparent  text,
    task_count   integer  NOT NULL CHECK (task_count > 0),
    -- The job as its user wrote it.
    spec         bytea    NOT NULL,
    -- The dead job that this one runs again.
    replay_of    uuid
) WITH (fillfactor = 50);

-- Ids are UUID version 7: newest first is the order of ids, read backwards.
CREATE INDEX jobs_newest ON jobs (namespace, id);
CREATE UNIQUE INDEX jobs_request ON jobs (namespace, request_id) WHERE request_id IS NOT NULL;

-- Which jobs have not ended. A partial index on jobs would need a column that changes when a job ends, and that change
-- would write every index of the row again; a row here is inserted once and deleted once, and jobs stays HOT.
CREATE TABLE open_jobs (
    id uuid NOT NULL PRIMARY KEY
);

-- Jobs that ended so that somebody should look at them, until they are replayed or purged. Written in the commit that
-- ends them.
CREATE TABLE dead_letters (
    job_id    uuid   NOT NULL PRIMARY KEY,
    namespace text   NOT NULL,
    queue     text   NOT NULL,
    ended_at  bigint NOT NULL
);
CREATE INDEX dead_letters_newest ON dead_letters (namespace, job_id);

CREATE TABLE attempts (
    job_id      uuid    NOT NULL,
    -- Place in the job's list of tasks; that of the undo steps begins where the tasks end, in the same order.
    task        integer NOT NULL CHECK (task >= 0),
    -- From 1.
    attempt     integer NOT NULL CHECK (attempt > 0),
    state       text    NOT NULL
        CHECK (state IN ('assigned', 'running', 'stopping', 'stopping_timeout', 'stopping_requeue',
                         'succeeded', 'failed', 'timed_out', 'cancelled', 'lost', 'expired',
                         'requeued')),
    -- Empty when it expired before it had one.
    node        text    NOT NULL CHECK (node <> '' OR state = 'expired'),
    assigned_at bigint  NOT NULL,
    started_at  bigint,
    ended_at    bigint,
    exit_code   integer,
    message     text,
    -- Set when another attempt follows: when, at the earliest.
    retry_at    bigint,
    -- Why it was chosen and placed.
    decision    text,
    -- What it costs while it holds its resources: its share of the node, in millionths of the money's unit.
    cost_per_hour_micros bigint NOT NULL CHECK (cost_per_hour_micros >= 0),
    power_milliwatts     bigint NOT NULL CHECK (power_milliwatts >= 0),
    PRIMARY KEY (job_id, task, attempt)
) WITH (fillfactor = 40);

-- Every host that ever joined.
CREATE TABLE nodes (
    name            text   NOT NULL PRIMARY KEY,
    incarnation     bigint NOT NULL,
    agent_version   text   NOT NULL,
    cpu_millis      bigint NOT NULL CHECK (cpu_millis >= 0),
    memory_bytes    bigint NOT NULL CHECK (memory_bytes >= 0),
    gpus            bigint NOT NULL CHECK (gpus >= 0),
    disk_bytes      bigint NOT NULL CHECK (disk_bytes >= 0),
    -- Resources that a site counts besides: a JSON object of amounts.
    named_resources text   NOT NULL,
    -- What is known of the host besides, as its agent says and as operators do: JSON objects.
    given           text   NOT NULL,
    overrides       text   NOT NULL,
    -- Whether it gets new work, as far as operators decide; and when what still runs there is stopped.
    admission       text   NOT NULL CHECK (admission IN ('open', 'cordoned', 'draining')),
    drain_deadline  bigint CHECK (drain_deadline IS NULL OR admission = 'draining'),
    joined_at       bigint NOT NULL
);

-- What a queue gives to its jobs. Queues without a row exist as soon as a job names them.
CREATE TABLE queues (
    namespace text  NOT NULL,
    name      text  NOT NULL,
    -- The settings as a user wrote them.
    settings  bytea NOT NULL,
    PRIMARY KEY (namespace, name)
);

-- What was learned of run times: of which runs, and on which node. Rebuilt from new runs when it is lost.
CREATE TABLE estimates (
    -- A hash of 64 bits.
    signature bigint NOT NULL,
    -- Empty: all of them.
    node      text   NOT NULL,
    -- JSON.
    learned   text   NOT NULL,
    PRIMARY KEY (signature, node)
) WITH (fillfactor = 50);

-- Policies that were stored or used, rules too.
CREATE TABLE policies (
    version    text   NOT NULL PRIMARY KEY,
    state      text   NOT NULL CHECK (state IN ('candidate', 'live', 'retired')),
    created_at bigint NOT NULL,
    -- A safetensors file. Unset: a rule, whose version is its name.
    weights    bytea,
    -- Of the weights, as hexadecimal digits.
    sha256     text CHECK ((sha256 IS NULL) = (weights IS NULL)),
    -- How it came about, as far as somebody has said: the command that trained it, its seed, the version that training began
    -- with, a JSON value that says how it was evaluated, and words.
    command    text   NOT NULL,
    seed       bigint,
    parent     text,
    evaluation text,
    note       text   NOT NULL
);
CREATE UNIQUE INDEX policies_live ON policies (state) WHERE state = 'live';

-- What happened to policies. Those that switch are written by turns.
CREATE TABLE policy_events (
    id           bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           bigint NOT NULL,
    kind         text   NOT NULL
        CHECK (kind IN ('import', 'use', 'promote', 'roll_back', 'fall_back', 'refuse')),
    -- What was in use.
    from_version text,
    to_version   text   NOT NULL,
    who          text   NOT NULL,
    why          text   NOT NULL
);
CREATE INDEX policy_events_to ON policy_events (to_version, id);

-- Output of attempts, written by its own writer and not by turns.
CREATE TABLE log_chunks (
    job_id       uuid     NOT NULL,
    task         integer  NOT NULL,
    attempt      integer  NOT NULL,
    -- Place in everything that the attempt has written, in uncompressed bytes.
    start_offset bigint   NOT NULL CHECK (start_offset >= 0),
    -- 1 stdout, 2 stderr.
    stream       smallint NOT NULL CHECK (stream IN (1, 2)),
    length       bigint   NOT NULL CHECK (length >= 0),
    -- A zstd frame: the database need not try to compress it again.
    data         bytea    NOT NULL,
    -- Nothing follows.
    is_end       boolean  NOT NULL,
    PRIMARY KEY (job_id, task, attempt, start_offset)
);
ALTER TABLE log_chunks ALTER COLUMN data SET STORAGE EXTERNAL;
