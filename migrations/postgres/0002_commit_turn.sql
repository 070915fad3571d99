-- One turn, one statement, one round trip, one transaction.
--
-- Returns false, having written nothing, unless the lease row shows this epoch and the turn before. The update of that
-- row is fence, lock, renewal and idempotency mark in one: whoever wants to lead waits for it.
-- Raises DR001, which rolls everything back, unless every guard matches exactly one row.
--
-- Arguments are the columns of the rows, kind by kind. An unset time, code or message leaves the column of an update as
-- it is. unnest stands in the select list because there the arrays are walked in step; in FROM each would be copied into
-- a store of its own first.
CREATE FUNCTION commit_turn(
    the_epoch bigint, the_turn bigint, term_ms bigint, the_model_time bigint,

    new_job uuid[], new_namespace text[], new_name text[], new_queue text[], new_priority smallint[], new_state text[],
    new_intent text[], new_submitted_at bigint[], new_started_at bigint[], new_ended_at bigint[],
    new_deadline bigint[], new_message text[], new_request_id text[], new_traceparent text[],
    new_task_count integer[], new_spec bytea[], new_replay_of uuid[], new_open uuid[], replayed uuid[],

    job uuid[], job_from text[], job_state text[], job_intent text[], job_started_at bigint[], job_ended_at bigint[],
    job_message text[], job_closed uuid[], job_dead uuid[],

    new_attempt_job uuid[], new_attempt_task integer[], new_attempt integer[], new_attempt_state text[],
    new_attempt_node text[], new_attempt_assigned_at bigint[], new_attempt_started_at bigint[],
    new_attempt_ended_at bigint[], new_attempt_exit_code integer[], new_attempt_message text[],
    new_attempt_retry_at bigint[], new_attempt_decision text[], new_attempt_cost_per_hour_micros bigint[],
    new_attempt_power_milliwatts bigint[],

    attempt_job uuid[], attempt_task integer[], attempt integer[], attempt_from text[], attempt_state text[],
    attempt_started_at bigint[], attempt_ended_at bigint[], attempt_exit_code integer[], attempt_message text[],
    attempt_retry_at bigint[],

    node_name text[], node_incarnation bigint[], node_agent_version text[], node_cpu_millis bigint[],
    node_memory_bytes bigint[], node_gpus bigint[], node_disk_bytes bigint[], node_named_resources text[],
    node_given text[], node_overrides text[], node_admission text[], node_drain_deadline bigint[],
    node_joined_at bigint[],

    queue_namespace text[], queue_name text[], queue_settings bytea[],

    policy_event_at bigint[], policy_event_kind text[], policy_event_from text[], policy_event_to text[],
    policy_event_who text[], policy_event_why text[],

    forgotten bigint[], estimate_signature bigint[], estimate_node text[], estimate_learned text[]
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    matched bigint;
BEGIN
    UPDATE lease
    SET turn = the_turn,
        expires_at = clock_timestamp() + term_ms * interval '1 millisecond',
        model_time = the_model_time
    WHERE id = 1 AND epoch = the_epoch AND turn = the_turn - 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;

    IF cardinality(new_job) > 0 THEN
        INSERT INTO jobs (id, namespace, name, queue, priority, state, intent, submitted_at, started_at, ended_at,
                          deadline, message, request_id, traceparent, task_count, spec,
                          replay_of)
        SELECT unnest(new_job), unnest(new_namespace), unnest(new_name), unnest(new_queue), unnest(new_priority),
               unnest(new_state), unnest(new_intent), unnest(new_submitted_at), unnest(new_started_at),
               unnest(new_ended_at), unnest(new_deadline), unnest(new_message), unnest(new_request_id),
               unnest(new_traceparent), unnest(new_task_count), unnest(new_spec), unnest(new_replay_of);
        IF cardinality(new_open) > 0 THEN
            INSERT INTO open_jobs (id) SELECT unnest(new_open);
        END IF;
        -- Not counted: somebody may have purged it meanwhile.
        IF cardinality(replayed) > 0 THEN
            DELETE FROM dead_letters WHERE job_id = ANY (replayed);
        END IF;
    END IF;

    IF cardinality(job) > 0 THEN
        UPDATE jobs
        SET state = change.state,
            intent = change.intent,
            started_at = coalesce(change.started_at, jobs.started_at),
            ended_at = coalesce(change.ended_at, jobs.ended_at),
            message = coalesce(change.message, jobs.message)
        FROM (SELECT unnest(job) AS id, unnest(job_from) AS from_state, unnest(job_state) AS state,
                     unnest(job_intent) AS intent, unnest(job_started_at) AS started_at,
                     unnest(job_ended_at) AS ended_at, unnest(job_message) AS message) AS change
        WHERE jobs.id = change.id AND jobs.state = change.from_state;
        GET DIAGNOSTICS matched = ROW_COUNT;
        IF matched <> cardinality(job) THEN
            RAISE EXCEPTION 'turn %: % of % job updates found their old state', the_turn, matched, cardinality(job)
                USING ERRCODE = 'DR001';
        END IF;
        IF cardinality(job_closed) > 0 THEN
            DELETE FROM open_jobs WHERE id = ANY (job_closed);
            GET DIAGNOSTICS matched = ROW_COUNT;
            IF matched <> cardinality(job_closed) THEN
                RAISE EXCEPTION 'turn %: % of % jobs that end were open', the_turn, matched, cardinality(job_closed)
                    USING ERRCODE = 'DR001';
            END IF;
        END IF;
    END IF;

    IF cardinality(job_dead) > 0 THEN
        INSERT INTO dead_letters (job_id, namespace, queue, ended_at)
        SELECT jobs.id, jobs.namespace, jobs.queue, jobs.ended_at FROM jobs WHERE jobs.id = ANY (job_dead);
    END IF;

    IF cardinality(new_attempt_job) > 0 THEN
        INSERT INTO attempts (job_id, task, attempt, state, node, assigned_at, started_at, ended_at, exit_code,
                              message, retry_at, decision, cost_per_hour_micros, power_milliwatts)
        SELECT unnest(new_attempt_job), unnest(new_attempt_task), unnest(new_attempt), unnest(new_attempt_state),
               unnest(new_attempt_node), unnest(new_attempt_assigned_at), unnest(new_attempt_started_at),
               unnest(new_attempt_ended_at), unnest(new_attempt_exit_code), unnest(new_attempt_message),
               unnest(new_attempt_retry_at), unnest(new_attempt_decision), unnest(new_attempt_cost_per_hour_micros),
               unnest(new_attempt_power_milliwatts);
    END IF;

    IF cardinality(attempt_job) > 0 THEN
        UPDATE attempts
        SET state = change.state,
            started_at = coalesce(change.started_at, attempts.started_at),
            ended_at = coalesce(change.ended_at, attempts.ended_at),
            exit_code = coalesce(change.exit_code, attempts.exit_code),
            message = coalesce(change.message, attempts.message),
            retry_at = coalesce(change.retry_at, attempts.retry_at)
        FROM (SELECT unnest(attempt_job) AS job_id, unnest(attempt_task) AS task, unnest(commit_turn.attempt) AS attempt,
                     unnest(attempt_from) AS from_state, unnest(attempt_state) AS state,
                     unnest(attempt_started_at) AS started_at, unnest(attempt_ended_at) AS ended_at,
                     unnest(attempt_exit_code) AS exit_code, unnest(attempt_message) AS message,
                     unnest(attempt_retry_at) AS retry_at) AS change
        WHERE attempts.job_id = change.job_id AND attempts.task = change.task
          AND attempts.attempt = change.attempt AND attempts.state = change.from_state;
        GET DIAGNOSTICS matched = ROW_COUNT;
        IF matched <> cardinality(attempt_job) THEN
            RAISE EXCEPTION 'turn %: % of % attempt updates found their old state',
                the_turn, matched, cardinality(attempt_job) USING ERRCODE = 'DR001';
        END IF;
    END IF;

    IF cardinality(node_name) > 0 THEN
        INSERT INTO nodes (name, incarnation, agent_version, cpu_millis, memory_bytes, gpus, disk_bytes,
                           named_resources, given, overrides, admission, drain_deadline, joined_at)
        SELECT unnest(node_name), unnest(node_incarnation), unnest(node_agent_version), unnest(node_cpu_millis),
               unnest(node_memory_bytes), unnest(node_gpus), unnest(node_disk_bytes),
               unnest(node_named_resources), unnest(node_given), unnest(node_overrides), unnest(node_admission),
               unnest(node_drain_deadline), unnest(node_joined_at)
        ON CONFLICT (name) DO UPDATE
        SET incarnation = excluded.incarnation, agent_version = excluded.agent_version,
            cpu_millis = excluded.cpu_millis, memory_bytes = excluded.memory_bytes, gpus = excluded.gpus,
            disk_bytes = excluded.disk_bytes, named_resources = excluded.named_resources, given = excluded.given,
            overrides = excluded.overrides, admission = excluded.admission, drain_deadline = excluded.drain_deadline,
            joined_at = excluded.joined_at;
    END IF;

    IF cardinality(queue_name) > 0 THEN
        INSERT INTO queues (namespace, name, settings)
        SELECT unnest(queue_namespace), unnest(queue_name), unnest(queue_settings)
        ON CONFLICT (namespace, name) DO UPDATE SET settings = excluded.settings;
    END IF;

    -- What was live is retired, and the last that a switch names is live.
    IF cardinality(policy_event_to) > 0 THEN
        INSERT INTO policy_events (at, kind, from_version, to_version, who, why)
        SELECT unnest(policy_event_at), unnest(policy_event_kind), unnest(policy_event_from),
               unnest(policy_event_to), unnest(policy_event_who), unnest(policy_event_why);
        UPDATE policies SET state = 'retired' WHERE state = 'live';
        INSERT INTO policies (version, state, created_at, command, note)
        SELECT used.version, 'retired', min(used.at), '', ''
        FROM (SELECT unnest(policy_event_to) AS version, unnest(policy_event_at) AS at) AS used
        GROUP BY used.version
        ON CONFLICT (version) DO UPDATE SET state = 'retired';
        UPDATE policies SET state = 'live' WHERE version = policy_event_to[cardinality(policy_event_to)];
    END IF;

    -- Not counted: what is not there is forgotten.
    IF cardinality(forgotten) > 0 THEN
        DELETE FROM estimates WHERE signature = ANY (forgotten);
    END IF;
    IF cardinality(estimate_signature) > 0 THEN
        INSERT INTO estimates (signature, node, learned)
        SELECT unnest(estimate_signature), unnest(estimate_node), unnest(estimate_learned)
        ON CONFLICT (signature, node) DO UPDATE SET learned = excluded.learned;
    END IF;
    RETURN true;
END
$$;

-- Ends an open job that cannot be gone on with. One statement of its caller, so that one which freezes leaves no lock.
-- Returns 'fenced' unless the lease row shows this epoch, 'not open' or 'parked'.
CREATE FUNCTION park_job(the_epoch bigint, the_job uuid, now_ms bigint, reason text)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM lease WHERE id = 1 AND epoch = the_epoch FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'fenced';
    END IF;
    DELETE FROM open_jobs WHERE id = the_job;
    IF NOT FOUND THEN
        RETURN 'not open';
    END IF;
    -- An intent that waits for nothing: whatever has not ended shows as cancelled, also `finally` tasks, and undo steps
    -- as not done. The caller's clock may be behind.
    UPDATE jobs
    SET state = CASE WHEN jobs.state = 'rolling_back' OR intent = 'roll_back' THEN 'rollback_failed' ELSE 'failed' END,
        intent = 'abandon',
        ended_at = greatest(now_ms, submitted_at, started_at), message = reason
    WHERE id = the_job;
    INSERT INTO dead_letters (job_id, namespace, queue, ended_at)
    SELECT jobs.id, jobs.namespace, jobs.queue, jobs.ended_at FROM jobs WHERE jobs.id = the_job
    ON CONFLICT (job_id) DO NOTHING;
    -- Attempts may be what is broken, and must not keep the job open.
    BEGIN
        UPDATE attempts
        SET state = 'lost', ended_at = coalesce(attempts.ended_at, greatest(now_ms, assigned_at, started_at))
        WHERE attempts.job_id = the_job
          AND attempts.state NOT IN ('succeeded', 'failed', 'timed_out', 'cancelled', 'lost', 'expired',
                                     'requeued');
    EXCEPTION WHEN data_exception OR integrity_constraint_violation OR program_limit_exceeded OR raise_exception THEN
        RAISE LOG 'attempts of job % stay as they are: %', the_job, SQLERRM;
    END;
    RETURN 'parked';
END
$$;
