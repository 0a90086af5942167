-- The reconciliation of the four books in SQL: what shared/protocol/src/reconcile says of the rows of one key, said of all keys. It is for
-- more rows than one machine should merge, and a test holds it against the merge, row for row.
--
-- One text for every engine: integers and texts alone, no date, no decimal, no function but min, max, sum, count, coalesce and substr.
-- Only what reads the books differs: of the sections [athena] and [duckdb] an engine gets its own (shared/books/src/sql.rs). Athena runs a
-- named part of a query anew wherever it is used, and in one piece this would be more stages than Trino allows
-- (https://trino.io/docs/current/admin/properties-query-management.html): what the sections [placed], [judged] and [standing] give is kept in a
-- table each. `payonce reconcile --for-sql` writes the books, beside exports that it has checked, and the statements for each engine.
--
-- What the readers give:
--   terms    one row: from_ms, as_of, provider_ms, ours_ms, rail_ms, bank_ms
--   gaps     book, from_ms, until_ms, lack: of which times a book cannot speak, and whether it should have done so by now (due), may
--            still come to it (awaited), or was another run's (earlier); the book of a provider that nobody can ask, which is made of
--            the deliveries that it signed, is `nobody`: nothing that we know of is missing there
--   units    currency, exponent: in which unit the run counts; hand_at_bank: 1 where payments by hand show in the bank's book
--   lists    provider, by_payment: whose own list was asked; 1 where it names the payment and not the event that told of it
--   listed   the rows of provider, rail and bank, and all that the run before carried: the columns of shared/books/src/line.rs. A row
--            stands there once, or once as carried and once as it is now
--   audit    the changes of the audit table, by an incremental export of the window; of cases those of the reconcile table
--
-- What it gives, by `part`: `break` (new, persisting, gone), `open` (a key that is carried on), `finding` (keys by finding), `carried`
-- (keys that were open before), `statement` (the lines of the bridge), `verdict`.

-- [tables]
-- Of Athena, over the folders of one run; names of JSON in lower case. By the Hive JSON SerDe, since by the OpenX one "the number of results
-- and their values can be non-deterministic" (https://docs.aws.amazon.com/athena/latest/ug/openx-json-serde.html).
CREATE EXTERNAL TABLE payonce_terms (
    from_ms bigint, as_of bigint, provider_ms bigint, ours_ms bigint, rail_ms bigint, bank_ms bigint
)
ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
LOCATION 's3://YOUR-BUCKET/run/terms/'
TBLPROPERTIES ('skip.header.line.count' = '1');

CREATE EXTERNAL TABLE payonce_gaps (book string, from_ms bigint, until_ms bigint, lack string)
ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
LOCATION 's3://YOUR-BUCKET/run/gaps/'
TBLPROPERTIES ('skip.header.line.count' = '1');

CREATE EXTERNAL TABLE payonce_units (currency string, exponent bigint, hand_at_bank bigint)
ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
LOCATION 's3://YOUR-BUCKET/run/units/'
TBLPROPERTIES ('skip.header.line.count' = '1');

CREATE EXTERNAL TABLE payonce_lists (provider string, by_payment bigint)
ROW FORMAT DELIMITED FIELDS TERMINATED BY ','
LOCATION 's3://YOUR-BUCKET/run/lists/'
TBLPROPERTIES ('skip.header.line.count' = '1');

CREATE EXTERNAL TABLE payonce_listed (
    book string, key string, kind string, id string, at bigint, carried bigint, attempt bigint, event string, word string, state string,
    subject string, minor bigint, currency string, until bigint, banked bigint, ending string, payee string
)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
LOCATION 's3://YOUR-BUCKET/run/listed/';

CREATE EXTERNAL TABLE payonce_audit_export (
    metadata struct<writetimestampmicros:struct<n:string>>,
    keys struct<pk:struct<s:string>,sk:struct<s:string>>,
    oldimage struct<pk:struct<s:string>>,
    newimage struct<pk:struct<s:string>,provider:struct<s:string>,event:struct<s:string>,outcome:struct<s:string>,closing:struct<s:string>,
        barred_at:struct<n:string>,claimed_at:struct<n:string>,closed_at:struct<n:string>,recorded_at:struct<n:string>,
        received_at:struct<n:string>,expires_at:struct<n:string>,final_after:struct<n:string>,amount:struct<n:string>,
        exponent:struct<n:string>,currency:struct<s:string>,destination:struct<s:string>>
)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
LOCATION 's3://YOUR-BUCKET/run/audit/AWSDynamoDB/data/';

CREATE EXTERNAL TABLE payonce_reconcile_export (
    keys struct<pk:struct<s:string>,sk:struct<s:string>>,
    newimage struct<key:struct<s:string>,provider:struct<s:string>,event:struct<s:string>,reason:struct<s:string>,status:struct<s:string>,
        attempt:struct<n:string>,details:struct<m:struct<book_break:struct<s:string>>>,
        proposal:struct<m:struct<ending:struct<s:string>>>,resolution:struct<m:struct<at:struct<s:string>>>,opened_at:struct<n:string>,
        amount:struct<n:string>,exponent:struct<n:string>,currency:struct<s:string>>
)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
LOCATION 's3://YOUR-BUCKET/run/reconcile/AWSDynamoDB/data/';

-- [athena]
WITH terms AS (
    SELECT from_ms, as_of, provider_ms, ours_ms, rail_ms, bank_ms FROM payonce_terms
),
gaps AS (
    SELECT book, from_ms, until_ms, lack FROM payonce_gaps
),
units AS (
    SELECT currency, exponent, hand_at_bank FROM payonce_units
),
lists AS (
    SELECT provider, by_payment FROM payonce_lists
),
listed AS (
    SELECT key AS k, book, kind, id, "at" AS at_ms, carried, attempt, event, word, state, subject, minor, currency,
        until AS until_ms, banked, ending, payee
    FROM payonce_listed
),
audit AS (
    SELECT keys.pk.s AS pk, keys.sk.s AS sk, CAST(metadata.writetimestampmicros.n AS bigint) AS written,
        CASE WHEN newimage.pk.s IS NULL THEN 0 ELSE 1 END AS is_there, CASE WHEN oldimage.pk.s IS NULL THEN 0 ELSE 1 END AS was_there,
        newimage.provider.s AS provider, newimage.event.s AS event, newimage.outcome.s AS outcome, newimage.closing.s AS closing,
        CAST(newimage.barred_at.n AS bigint) AS barred_at, CAST(newimage.claimed_at.n AS bigint) AS claimed_at,
        CAST(newimage.closed_at.n AS bigint) AS closed_at, CAST(newimage.recorded_at.n AS bigint) AS recorded_at,
        CAST(newimage.received_at.n AS bigint) AS received_at, CAST(newimage.expires_at.n AS bigint) AS expires_at,
        CAST(newimage.final_after.n AS bigint) AS final_after, CAST(newimage.amount.n AS bigint) AS amount,
        CAST(newimage.exponent.n AS bigint) AS exponent, newimage.currency.s AS currency, newimage.destination.s AS payee
    FROM payonce_audit_export
),
cases AS (
    SELECT keys.pk.s AS id, keys.sk.s AS sk, newimage.key.s AS k, newimage.provider.s AS provider, newimage.event.s AS event,
        newimage.reason.s AS reason, newimage.status.s AS status, CAST(newimage.attempt.n AS bigint) AS attempt,
        newimage.details.m.book_break.s AS subject, newimage.proposal.m.ending.s AS ending,
        CAST(newimage.resolution.m."at".s AS bigint) AS resolved_at, CAST(newimage.opened_at.n AS bigint) AS opened_at,
        CAST(newimage.amount.n AS bigint) AS amount, CAST(newimage.exponent.n AS bigint) AS exponent, newimage.currency.s AS currency
    FROM payonce_reconcile_export
),
-- [duckdb]
WITH terms AS (
    SELECT * FROM read_csv('terms/terms.csv', header = true, columns = {'from_ms': 'BIGINT', 'as_of': 'BIGINT', 'provider_ms': 'BIGINT',
        'ours_ms': 'BIGINT', 'rail_ms': 'BIGINT', 'bank_ms': 'BIGINT'})
),
gaps AS (
    SELECT * FROM read_csv('gaps/gaps.csv', header = true, columns = {'book': 'VARCHAR', 'from_ms': 'BIGINT', 'until_ms': 'BIGINT',
        'lack': 'VARCHAR'})
),
units AS (
    SELECT * FROM read_csv('units/units.csv', header = true, columns = {'currency': 'VARCHAR', 'exponent': 'BIGINT', 'hand_at_bank': 'BIGINT'})
),
lists AS (
    SELECT * FROM read_csv('lists/lists.csv', header = true, columns = {'provider': 'VARCHAR', 'by_payment': 'BIGINT'})
),
listed AS (
    SELECT key AS k, book, kind, id, "at" AS at_ms, carried, attempt, event, word, state, subject, minor, currency,
        until AS until_ms, banked, ending, payee
    FROM read_json('listed/*.jsonl.gz', format = 'newline_delimited', columns = {'book': 'VARCHAR', 'key': 'VARCHAR', 'kind': 'VARCHAR',
        'id': 'VARCHAR', 'at': 'BIGINT', 'carried': 'BIGINT', 'attempt': 'BIGINT', 'event': 'VARCHAR', 'word': 'VARCHAR',
        'state': 'VARCHAR', 'subject': 'VARCHAR', 'minor': 'BIGINT', 'currency': 'VARCHAR', 'until': 'BIGINT', 'banked': 'BIGINT',
        'ending': 'VARCHAR', 'payee': 'VARCHAR'})
),
audit AS (
    SELECT Keys.pk.S AS pk, Keys.sk.S AS sk, CAST(Metadata.WriteTimestampMicros.N AS BIGINT) AS written,
        CASE WHEN NewImage.pk.S IS NULL THEN 0 ELSE 1 END AS is_there, CASE WHEN OldImage.pk.S IS NULL THEN 0 ELSE 1 END AS was_there,
        NewImage.provider.S AS provider, NewImage.event.S AS event, NewImage.outcome.S AS outcome, NewImage.closing.S AS closing,
        CAST(NewImage.barred_at.N AS BIGINT) AS barred_at, CAST(NewImage.claimed_at.N AS BIGINT) AS claimed_at,
        CAST(NewImage.closed_at.N AS BIGINT) AS closed_at, CAST(NewImage.recorded_at.N AS BIGINT) AS recorded_at,
        CAST(NewImage.received_at.N AS BIGINT) AS received_at, CAST(NewImage.expires_at.N AS BIGINT) AS expires_at,
        CAST(NewImage.final_after.N AS BIGINT) AS final_after, CAST(NewImage.amount.N AS BIGINT) AS amount,
        CAST(NewImage.exponent.N AS BIGINT) AS exponent, NewImage.currency.S AS currency, NewImage.destination.S AS payee
    FROM read_json('audit/AWSDynamoDB/data/*.json.gz', format = 'newline_delimited', columns = {
        'Metadata': 'STRUCT(WriteTimestampMicros STRUCT(N VARCHAR))', 'Keys': 'STRUCT(pk STRUCT(S VARCHAR), sk STRUCT(S VARCHAR))',
        'OldImage': 'STRUCT(pk STRUCT(S VARCHAR))',
        'NewImage': 'STRUCT(pk STRUCT(S VARCHAR), provider STRUCT(S VARCHAR), event STRUCT(S VARCHAR), outcome STRUCT(S VARCHAR),
            closing STRUCT(S VARCHAR),
            barred_at STRUCT(N VARCHAR), claimed_at STRUCT(N VARCHAR), closed_at STRUCT(N VARCHAR), recorded_at STRUCT(N VARCHAR),
            received_at STRUCT(N VARCHAR), expires_at STRUCT(N VARCHAR), final_after STRUCT(N VARCHAR), amount STRUCT(N VARCHAR),
            exponent STRUCT(N VARCHAR), currency STRUCT(S VARCHAR), destination STRUCT(S VARCHAR))'})
),
cases AS (
    SELECT Keys.pk.S AS id, Keys.sk.S AS sk, NewImage.key.S AS k, NewImage.provider.S AS provider, NewImage.event.S AS event,
        NewImage.reason.S AS reason, NewImage.status.S AS status, CAST(NewImage.attempt.N AS BIGINT) AS attempt,
        NewImage.details.M.book_break.S AS subject, NewImage.proposal.M.ending.S AS ending,
        CAST(NewImage.resolution.M."at".S AS BIGINT) AS resolved_at, CAST(NewImage.opened_at.N AS BIGINT) AS opened_at,
        CAST(NewImage.amount.N AS BIGINT) AS amount, CAST(NewImage.exponent.N AS BIGINT) AS exponent, NewImage.currency.S AS currency
    FROM read_json('reconcile/AWSDynamoDB/data/*.json.gz', format = 'newline_delimited', columns = {
        'Keys': 'STRUCT(pk STRUCT(S VARCHAR), sk STRUCT(S VARCHAR))',
        'NewImage': 'STRUCT(key STRUCT(S VARCHAR), provider STRUCT(S VARCHAR), event STRUCT(S VARCHAR), reason STRUCT(S VARCHAR),
            status STRUCT(S VARCHAR), attempt STRUCT(N VARCHAR), details STRUCT(M STRUCT(book_break STRUCT(S VARCHAR))),
            proposal STRUCT(M STRUCT(ending STRUCT(S VARCHAR))), resolution STRUCT(M STRUCT("at" STRUCT(S VARCHAR))),
            opened_at STRUCT(N VARCHAR), amount STRUCT(N VARCHAR), exponent STRUCT(N VARCHAR), currency STRUCT(S VARCHAR))'})
),
-- [placed]
-- How many of the run's units one unit of a record's exponent is.
scales AS (
    SELECT 0 AS digits, 1 AS scale UNION ALL SELECT 1, 10 UNION ALL SELECT 2, 100 UNION ALL SELECT 3, 1000 UNION ALL SELECT 4, 10000
),
-- Ours, out of the exports. Of a list of payments both books name the payment, which is its key (of more than 128 characters the merge takes a
-- hash, and none is known). What is of no kind that the books know (aliases, look-ups, notes) has no part in them.
recorded AS (
    SELECT pk AS k,
        CASE
            WHEN sk LIKE '0000#refused#%' THEN 'refused'
            WHEN sk = '0000#barred' OR (sk LIKE '____#claim' AND closing IS NOT NULL) THEN 'closing'
            WHEN sk LIKE '____#claim' THEN 'claim'
            WHEN sk LIKE '____#outcome' THEN 'outcome'
            WHEN sk LIKE '____#late' THEN 'late'
        END AS kind,
        sk AS id, coalesce(closed_at, barred_at, claimed_at, recorded_at, received_at) AS at_ms,
        CASE WHEN sk LIKE '0000#%' OR closing IS NOT NULL OR barred_at IS NOT NULL THEN NULL
            ELSE CAST(substr(sk, 1, 4) AS bigint) END AS attempt,
        CASE WHEN by_payment = 1 AND event IS NOT NULL THEN pk ELSE event END AS event, outcome AS word,
        CASE WHEN closing IS NOT NULL THEN 'people' WHEN barred_at IS NOT NULL THEN 'bar' END AS state,
        amount * scale AS minor, audit.currency AS currency, coalesce(final_after, expires_at) AS until_ms,
        -- Only the claim of an attempt says who is to have the money.
        CASE WHEN sk LIKE '____#claim' AND closing IS NULL THEN payee END AS payee,
        CASE WHEN by_payment = 0 THEN 1 ELSE 0 END AS in_list
    FROM audit
    LEFT JOIN lists ON lists.provider = audit.provider
    LEFT JOIN units ON units.currency = audit.currency
    LEFT JOIN scales ON scales.digits = units.exponent - audit.exponent
    -- What bars stands under a key of its own, and again where the first claim would stand.
    WHERE is_there = 1 AND (sk LIKE '0000#refused#%' OR sk = '0000#barred' OR (sk LIKE '____#claim' AND barred_at IS NULL)
        OR sk LIKE '____#outcome' OR sk LIKE '____#late')
),
filed AS (
    SELECT coalesce(cases.k, '!provider/' || cases.provider || '/' || event) AS k, id, reason, status, attempt,
        CASE WHEN by_payment = 1 AND event IS NOT NULL THEN coalesce(cases.k, event) ELSE event END AS event, subject, ending, resolved_at,
        opened_at, amount * scale AS minor, cases.currency AS currency, hand_at_bank,
        CASE WHEN by_payment = 0 THEN 1 ELSE 0 END AS in_list
    FROM cases
    LEFT JOIN lists ON lists.provider = cases.provider
    LEFT JOIN units ON units.currency = cases.currency
    LEFT JOIN scales ON scales.digits = units.exponent - cases.exponent
    WHERE sk = 'case' AND reason IS NOT NULL
),
readings AS (
    SELECT k, book, kind, id, at_ms, carried, attempt, event, word, state, subject, minor, currency, until_ms, banked, ending, payee, 1 AS in_list
    FROM listed
    UNION ALL
    SELECT k, 'ours', kind, id, at_ms, 0, attempt, event, word, state, NULL, minor, currency, until_ms, NULL, NULL, payee, in_list FROM recorded
    UNION ALL
    SELECT k, 'ours', 'case', id, opened_at, 0, attempt, event, reason,
        CASE WHEN status = 'resolved' THEN 'resolved' ELSE 'open' END, subject, minor, currency, NULL, NULL,
        CASE WHEN status = 'resolved' THEN ending END, NULL, in_list
    FROM filed
    UNION ALL
    SELECT k, 'ours', 'by_hand', id, resolved_at, 0, NULL, NULL, NULL, NULL, NULL, minor, currency, NULL, hand_at_bank, NULL, NULL, 0
    FROM filed
    WHERE status = 'resolved' AND ending = 'paid_elsewhere' AND minor IS NOT NULL
    UNION ALL
    -- The table is only ever added to: what had an image before, or has none now, was changed or removed by somebody.
    SELECT pk, 'ours', 'overwritten', sk, CAST((written - written % 1000) / 1000 AS bigint), 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, 0
    FROM audit WHERE was_there = 1 OR is_there = 0
),
-- One reading of each row, and beside it how the run before had it.
latest AS (
    SELECT k, kind, id, max(1 - carried) AS is_news, max(carried) AS was_known,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN book END) ELSE max(book) END AS book,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN at_ms END) ELSE max(at_ms) END AS at_ms,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN attempt END) ELSE max(attempt) END AS attempt,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN event END) ELSE max(event) END AS event,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN word END) ELSE max(word) END AS word,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN state END) ELSE max(state) END AS state,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN subject END) ELSE max(subject) END AS subject,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN minor END) ELSE max(minor) END AS minor,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN currency END) ELSE max(currency) END AS currency,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN until_ms END) ELSE max(until_ms) END AS until_ms,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN banked END) ELSE max(banked) END AS banked,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN ending END) ELSE max(ending) END AS ending,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN payee END) ELSE max(payee) END AS payee,
        CASE WHEN max(1 - carried) = 1 THEN max(CASE WHEN carried = 0 THEN in_list END) ELSE max(in_list) END AS in_list,
        max(CASE WHEN carried = 1 THEN word END) AS word_before,
        max(CASE WHEN carried = 1 THEN minor END) AS minor_before,
        max(CASE WHEN carried = 1 THEN currency END) AS currency_before,
        max(CASE WHEN carried = 1 THEN subject END) AS subject_before
    FROM readings
    GROUP BY k, kind, id
),
-- Which event and which attempt a row speaks of, and how surely it speaks of what is asked for.
spoken AS (
    SELECT latest.*,
        CASE WHEN kind = 'event' THEN id ELSE event END AS of_event,
        -- A case that was opened for a break repeats what the break says.
        CASE WHEN kind = 'case' AND subject IS NOT NULL THEN 0
            WHEN kind IN ('claim', 'refused', 'case', 'closing') AND event IS NOT NULL THEN 1 ELSE 0 END AS names,
        CASE WHEN kind = 'closing' AND state = 'bar' THEN 1 ELSE 0 END AS is_bar,
        -- An attempt's outcome, be it late, or two people who confirmed it.
        CASE WHEN kind IN ('outcome', 'late') AND word = 'accepted' THEN 1
            WHEN kind = 'case' AND ending = 'confirmed_accepted' AND attempt IS NOT NULL THEN 1 ELSE 0 END AS accepts,
        CASE WHEN kind = 'by_hand' OR (kind = 'payout' AND word IN ('pending', 'paid')) THEN 1 ELSE 0 END AS is_made,
        CASE WHEN kind = 'line' AND word = 'out' THEN 1 ELSE 0 END AS is_out,
        CASE WHEN minor IS NULL THEN NULL
            WHEN kind = 'claim' THEN '1' || id
            WHEN kind = 'closing' THEN '2' || id
            WHEN kind = 'by_hand' THEN '3' || id
            WHEN kind = 'case' AND subject IS NULL THEN '4' || id
            WHEN kind = 'refused' THEN '5' || id
            WHEN kind = 'event' THEN '6' || id
        END AS voice,
        CASE WHEN minor_before IS NULL THEN NULL
            WHEN kind = 'claim' THEN '1' || id
            WHEN kind = 'closing' THEN '2' || id
            WHEN kind = 'by_hand' THEN '3' || id
            WHEN kind = 'case' AND subject_before IS NULL THEN '4' || id
            WHEN kind = 'refused' THEN '5' || id
            WHEN kind = 'event' THEN '6' || id
        END AS voice_before
    FROM latest
),
beside AS (
    SELECT spoken.*,
        sum(names) OVER (PARTITION BY k, of_event) AS times_named,
        max(CASE WHEN kind = 'event' THEN 1 ELSE 0 END) OVER (PARTITION BY k, of_event) AS is_listed,
        min(CASE WHEN names = 1 AND is_bar = 0 THEN at_ms END) OVER (PARTITION BY k, of_event) AS named_at,
        min(CASE WHEN kind = 'claim' THEN minor END) OVER (PARTITION BY k, of_event) AS least_claimed,
        max(CASE WHEN kind = 'claim' THEN minor END) OVER (PARTITION BY k, of_event) AS most_claimed,
        min(CASE WHEN kind = 'claim' THEN currency END) OVER (PARTITION BY k, of_event) AS first_currency,
        max(CASE WHEN kind = 'claim' THEN currency END) OVER (PARTITION BY k, of_event) AS last_currency,
        min(CASE WHEN kind = 'claim' THEN payee END) OVER (PARTITION BY k, of_event) AS first_payee,
        max(CASE WHEN kind = 'claim' THEN payee END) OVER (PARTITION BY k, of_event) AS last_payee,
        max(CASE WHEN kind = 'outcome' THEN 1 ELSE 0 END) OVER (PARTITION BY k, attempt) AS has_outcome,
        max(CASE WHEN kind = 'claim' THEN 1 ELSE 0 END) OVER (PARTITION BY k, attempt) AS has_claim,
        max(CASE WHEN kind = 'case' THEN 1 ELSE 0 END) OVER (PARTITION BY k, attempt) AS has_case,
        max(CASE WHEN kind = 'case' AND word = 'late_outcome' AND state = 'resolved' THEN 1 ELSE 0 END)
            OVER (PARTITION BY k, attempt) AS late_is_ended
    FROM spoken
),
counted AS (
    SELECT beside.*,
        min(voice) OVER (PARTITION BY k) AS asking,
        min(voice_before) OVER (PARTITION BY k) AS asking_before,
        max(CASE WHEN kind = 'claim' THEN attempt END) OVER (PARTITION BY k) AS last_attempt,
        sum(CASE WHEN kind = 'claim' THEN 1 ELSE 0 END) OVER (PARTITION BY k) AS claims,
        sum(CASE WHEN kind = 'claim' AND has_outcome = 0 THEN 1
            WHEN kind IN ('outcome', 'late') AND word IN ('accepted', 'unknown') THEN 1 ELSE 0 END) OVER (PARTITION BY k) AS may_have_paid,
        min(CASE WHEN accepts = 1 THEN at_ms END) OVER (PARTITION BY k) AS accepted_at,
        max(CASE WHEN accepts = 1 THEN attempt END) OVER (PARTITION BY k) AS accepted_attempt,
        sum(CASE WHEN kind = 'payout' THEN 1 ELSE 0 END) OVER (PARTITION BY k) AS payouts,
        sum(CASE WHEN kind = 'payout' AND word IN ('pending', 'paid') THEN 1 ELSE 0 END) OVER (PARTITION BY k) AS live,
        sum(CASE WHEN kind = 'payout' AND word = 'pending' THEN 1 ELSE 0 END) OVER (PARTITION BY k) AS on_their_way,
        sum(CASE WHEN kind = 'by_hand' THEN 1 ELSE 0 END) OVER (PARTITION BY k) AS by_hand,
        sum(CASE WHEN kind = 'line' AND word = 'out' THEN 1 ELSE 0 END) OVER (PARTITION BY k) AS outs,
        sum(CASE WHEN kind = 'line' AND word = 'back' THEN 1 ELSE 0 END) OVER (PARTITION BY k) AS backs,
        sum(CASE WHEN kind = 'case' AND state = 'open' THEN 1 ELSE 0 END) OVER (PARTITION BY k) AS open_cases,
        max(CASE WHEN kind = 'was_open' THEN 1 ELSE 0 END) OVER (PARTITION BY k) AS was_open,
        sum(is_made) OVER (PARTITION BY k ORDER BY at_ms, id, kind ROWS UNBOUNDED PRECEDING) AS made_so_far,
        sum(is_out) OVER (PARTITION BY k ORDER BY at_ms, id, kind ROWS UNBOUNDED PRECEDING) AS outs_so_far,
        max(is_news) OVER (PARTITION BY k) AS has_news
    FROM beside
),
placed AS (
    SELECT counted.*,
        max(CASE WHEN voice = asking THEN minor END) OVER (PARTITION BY k) AS asked,
        max(CASE WHEN voice = asking THEN currency END) OVER (PARTITION BY k) AS asked_currency,
        max(CASE WHEN voice = asking AND kind = 'claim' THEN payee END) OVER (PARTITION BY k) AS asked_payee,
        max(CASE WHEN kind = 'outcome' AND attempt = last_attempt THEN word END) OVER (PARTITION BY k) AS last_outcome,
        max(CASE WHEN kind = 'case' AND attempt = last_attempt AND state = 'open' THEN 1 ELSE 0 END) OVER (PARTITION BY k) AS last_is_open,
        max(CASE WHEN kind = 'case' AND attempt = last_attempt AND subject IS NULL AND ending IN ('not_paid', 'written_off') THEN 1
            ELSE 0 END) OVER (PARTITION BY k) AS ended_unpaid
    FROM counted
),
-- [judged]
kinds AS (
    SELECT 'event_missing' AS said, 'provider' AS of_book, 'ours' AS needs, '' AS needs_too
    UNION ALL SELECT 'event_orphan', 'provider', 'provider', ''
    UNION ALL SELECT 'outcome_missing', 'ours', 'ours', ''
    UNION ALL SELECT 'case_missing', 'ours', 'ours', ''
    UNION ALL SELECT 'late_outcome', 'ours', '', ''
    UNION ALL SELECT 'claim_missing', 'ours', 'ours', ''
    UNION ALL SELECT 'claim_overwritten', 'ours', '', ''
    UNION ALL SELECT 'payout_missing', 'rail', 'rail', ''
    UNION ALL SELECT 'payout_missing', 'bank', 'bank', ''
    UNION ALL SELECT 'payout_orphan', 'rail', 'ours', ''
    UNION ALL SELECT 'payout_orphan', 'bank', 'rail', 'ours'
    UNION ALL SELECT 'paid_twice', 'rail', '', ''
    UNION ALL SELECT 'paid_twice', 'bank', '', ''
    UNION ALL SELECT 'payout_returned', 'rail', '', ''
    UNION ALL SELECT 'payout_returned', 'bank', '', ''
    UNION ALL SELECT 'amount_mismatch', 'provider', '', ''
    UNION ALL SELECT 'amount_mismatch', 'ours', '', ''
    UNION ALL SELECT 'amount_mismatch', 'rail', '', ''
    UNION ALL SELECT 'amount_mismatch', 'bank', '', ''
    UNION ALL SELECT 'payee_mismatch', 'provider', '', ''
    UNION ALL SELECT 'payee_mismatch', 'ours', '', ''
    UNION ALL SELECT 'payee_mismatch', 'rail', '', ''
),
-- What the rows say against each other, whatever the time and the gaps.
candidates AS (
    SELECT k, said, of_book, needs, needs_too, has_news,
        CASE WHEN said IN ('outcome_missing', 'late_outcome', 'claim_missing') THEN attempt
            WHEN said = 'case_missing' AND kind = 'outcome' THEN attempt
            WHEN said = 'payout_missing' AND of_book = 'rail' THEN accepted_attempt
            ELSE 0 END AS of_attempt,
        CASE WHEN said IN ('outcome_missing', 'late_outcome', 'claim_missing') THEN ''
            WHEN said = 'case_missing' AND kind = 'outcome' THEN ''
            WHEN said = 'payout_missing' AND of_book = 'rail' THEN ''
            WHEN said IN ('event_orphan', 'case_missing') THEN of_event
            ELSE id END AS which,
        CASE WHEN said IN ('event_missing', 'payout_orphan', 'payout_returned', 'amount_mismatch', 'payee_mismatch') THEN minor
            WHEN said = 'case_missing' AND kind = 'refused' THEN minor END AS found,
        CASE WHEN said IN ('event_missing', 'payout_orphan', 'payout_returned', 'amount_mismatch', 'payee_mismatch') THEN currency
            WHEN said = 'case_missing' AND kind = 'refused' THEN currency END AS found_currency,
        CASE WHEN said = 'event_missing' THEN at_ms + provider_ms
            WHEN said = 'event_orphan' THEN named_at + provider_ms
            WHEN said = 'outcome_missing' THEN until_ms + ours_ms
            WHEN said = 'case_missing' AND kind = 'outcome' THEN at_ms + ours_ms
            WHEN said = 'case_missing' THEN until_ms + ours_ms
            WHEN said = 'payout_missing' AND of_book = 'rail' THEN accepted_at + rail_ms
            WHEN said = 'payout_missing' THEN at_ms + bank_ms
            WHEN said = 'claim_missing' THEN at_ms
            WHEN said = 'payout_orphan' AND of_book = 'rail' THEN at_ms + ours_ms
            WHEN said = 'payout_orphan' THEN at_ms + rail_ms
            ELSE 0 END AS due,
        CASE WHEN said = 'event_orphan' THEN named_at - provider_ms
            WHEN said = 'payout_missing' AND of_book = 'rail' THEN accepted_at - ours_ms
            WHEN said = 'claim_missing' OR (said = 'payout_orphan' AND of_book = 'rail') THEN at_ms - ours_ms
            WHEN said = 'payout_orphan' THEN at_ms - bank_ms
            ELSE at_ms END AS since
    FROM placed CROSS JOIN kinds CROSS JOIN terms
    WHERE CASE said
        WHEN 'event_missing' THEN CASE WHEN kind = 'event' AND times_named = 0 THEN 1 END
        -- Only a provider's own list of events can lack one. It lists the event of an own order under the key that another event has claimed.
        WHEN 'event_orphan' THEN
            CASE WHEN names = 1 AND is_bar = 0 AND is_listed = 0 AND in_list = 1 AND k NOT LIKE '_%~____________' THEN 1 END
        WHEN 'outcome_missing' THEN CASE WHEN kind = 'claim' AND has_outcome = 0 THEN 1 END
        WHEN 'case_missing' THEN
            CASE WHEN kind = 'outcome' AND word <> 'accepted' AND has_case = 0 THEN 1
                WHEN kind = 'refused' AND times_named = 1 THEN 1 END
        WHEN 'late_outcome' THEN CASE WHEN kind = 'late' AND late_is_ended = 0 THEN 1 END
        WHEN 'claim_missing' THEN CASE WHEN kind IN ('outcome', 'late') AND has_claim = 0 THEN 1 END
        WHEN 'claim_overwritten' THEN CASE WHEN kind = 'overwritten' THEN 1 END
        WHEN 'payout_missing' THEN
            CASE WHEN of_book = 'rail' AND accepts = 1 AND attempt = accepted_attempt AND payouts = 0 THEN 1
                WHEN of_book = 'bank' AND outs = 0 AND banked = 1 AND (kind = 'by_hand' OR (kind = 'payout' AND word = 'paid'))
                    THEN 1 END
        WHEN 'payout_orphan' THEN
            CASE WHEN of_book = 'rail' AND kind = 'payout' AND word IN ('pending', 'paid')
                    AND (claims = 0 OR may_have_paid = 0 OR ended_unpaid = 1) THEN 1
                WHEN of_book = 'bank' AND kind = 'line' AND word = 'out' AND payouts = 0 AND by_hand = 0 THEN 1 END
        WHEN 'paid_twice' THEN
            CASE WHEN of_book = 'rail' AND is_made = 1 AND made_so_far > 1 THEN 1
                WHEN of_book = 'bank' AND is_out = 1 AND outs_so_far > backs + 1 THEN 1 END
        WHEN 'payout_returned' THEN
            CASE WHEN of_book = 'rail' AND kind = 'payout' AND word = 'returned' THEN 1
                WHEN of_book = 'rail' AND kind = 'payout' AND word = 'failed' AND live = 0 AND accepted_at IS NOT NULL THEN 1
                WHEN of_book = 'bank' AND kind = 'line' AND word = 'back' THEN 1 END
        WHEN 'amount_mismatch' THEN
            CASE WHEN of_book = 'provider' AND kind = 'event' AND (minor <> least_claimed OR minor <> most_claimed
                    OR currency <> first_currency OR currency <> last_currency) THEN 1
                WHEN NOT (minor <> asked OR currency <> asked_currency) THEN NULL
                WHEN of_book = 'ours' AND kind IN ('claim', 'by_hand') THEN 1
                WHEN of_book = 'rail' AND kind = 'payout' AND claims > 0 THEN 1
                WHEN of_book = 'bank' AND kind = 'line' AND claims + by_hand > 0 THEN 1 END
        WHEN 'payee_mismatch' THEN
            CASE WHEN asked_payee IS NULL THEN NULL
                WHEN of_book = 'provider' AND kind = 'event' AND (payee <> first_payee OR payee <> last_payee) THEN 1
                WHEN of_book = 'ours' AND kind = 'claim' AND payee <> asked_payee THEN 1
                WHEN of_book = 'rail' AND kind = 'payout' AND payee <> asked_payee THEN 1 END
    END = 1
),
-- Beside each what people ended, and what the run before had said.
marks AS (
    SELECT k, said || ':' || of_book || ':' || CAST(of_attempt AS varchar) || ':' || which AS subject, said, of_book, of_attempt, which,
        found, found_currency, due, since, needs, needs_too, has_news, 1 AS is_held, 0 AS is_ended, 0 AS was_said
    FROM candidates
    UNION ALL
    SELECT k, subject, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, has_news, 0, 1, 0
    FROM placed WHERE kind = 'case' AND state = 'resolved' AND coalesce(ending, '') <> 'explained' AND subject IS NOT NULL
    UNION ALL
    SELECT k, id, word, state, attempt, subject, NULL, NULL, NULL, NULL, NULL, NULL, has_news, 0, 0, 1
    FROM placed WHERE kind = 'was_break'
),
weighed AS (
    SELECT k, subject, max(said) AS said, max(of_book) AS of_book, max(of_attempt) AS of_attempt, max(which) AS which, max(found) AS found,
        max(found_currency) AS found_currency, max(due) AS due, max(since) AS since, max(needs) AS needs, max(needs_too) AS needs_too,
        max(has_news) AS has_news, max(is_held) AS is_held, max(is_ended) AS is_ended, max(was_said) AS was_said
    FROM marks
    GROUP BY k, subject
),
-- Absence is concluded in no gap of a book.
unseen AS (
    SELECT k, subject, said, of_book, of_attempt, which, found, found_currency, due, has_news,
        CASE WHEN is_held = 1 AND is_ended = 0 THEN 1 ELSE 0 END AS holds,
        -- Between what was asked for and what was paid.
        CASE WHEN is_held = 1 AND is_ended = 1 AND said IN ('payout_orphan', 'paid_twice', 'amount_mismatch', 'payout_returned')
            THEN 1 ELSE 0 END AS ends_difference,
        was_said, count(gaps.book) AS gap_count
    FROM weighed
    LEFT JOIN gaps ON (gaps.book = weighed.needs OR gaps.book = weighed.needs_too) AND weighed.since < gaps.until_ms
        AND (gaps.from_ms < weighed.due OR gaps.from_ms < weighed.since + 1)
    GROUP BY k, subject, said, of_book, of_attempt, which, found, found_currency, due, has_news, is_held, is_ended, was_said
),
judged AS (
    SELECT unseen.*,
        CASE WHEN holds = 1 AND was_said = 1 THEN 'persisting'
            WHEN holds = 1 AND as_of < due THEN 'pending'
            WHEN holds = 1 AND gap_count > 0 THEN 'incomplete'
            WHEN holds = 1 THEN 'new'
            WHEN was_said = 1 AND has_news = 1 THEN 'gone'
            WHEN was_said = 1 THEN 'persisting'
        END AS life
    FROM unseen CROSS JOIN terms
),
-- [standing]
doubts AS (
    SELECT k,
        max(CASE WHEN life IN ('new', 'persisting') THEN 1 ELSE 0 END) AS breaks,
        max(CASE WHEN life = 'incomplete' THEN 1 ELSE 0 END) AS incomplete,
        max(CASE WHEN life = 'pending' THEN 1 ELSE 0 END) AS pending,
        max(ends_difference) AS ends_difference
    FROM judged
    GROUP BY k
),
each_key AS (
    SELECT k, max(by_hand) AS by_hand, max(live) AS live, max(on_their_way) AS on_their_way, max(open_cases) AS open_cases,
        max(last_is_open) AS last_is_open, max(last_outcome) AS last_outcome, max(was_open) AS was_open, max(asked) AS asked, max(asked_currency) AS asked_currency
    FROM placed
    GROUP BY k
),
standing AS (
    SELECT each_key.k, was_open, asked, asked_currency,
        CASE WHEN breaks = 1 THEN 'break'
            WHEN incomplete = 1 THEN 'incomplete'
            WHEN pending = 1 OR on_their_way > 0 THEN 'pending'
            WHEN ends_difference = 1 THEN 'closed'
            WHEN by_hand > 0 THEN 'by_hand'
            WHEN live > 0 AND last_is_open = 0 THEN 'reconciled'
            WHEN open_cases > 0 AND last_outcome = 'rejected' THEN 'rejected'
            WHEN open_cases > 0 AND last_outcome IN ('unknown', 'accepted') THEN 'unknown'
            WHEN open_cases > 0 THEN 'not_sent'
            ELSE 'closed'
        END AS finding
    FROM each_key LEFT JOIN doubts ON doubts.k = each_key.k
),
-- [said]
-- What was asked for and paid: as it is now, and as earlier runs counted it.
moves AS (
    SELECT k, currency, 1 AS sign, CASE WHEN voice = asking THEN 1 ELSE 0 END AS asks,
        CASE WHEN kind = 'payout' AND word = 'paid' THEN 1 ELSE 0 END AS pays, CASE WHEN kind = 'by_hand' THEN 1 ELSE 0 END AS hands, minor
    FROM placed WHERE minor IS NOT NULL
    UNION ALL
    SELECT k, currency_before, -1, CASE WHEN voice_before = asking_before THEN 1 ELSE 0 END,
        CASE WHEN kind = 'payout' AND word_before = 'paid' THEN 1 ELSE 0 END, CASE WHEN kind = 'by_hand' THEN 1 ELSE 0 END, minor_before
    FROM placed WHERE minor_before IS NOT NULL
),
bridge AS (
    SELECT currency, finding,
        sum(CASE WHEN sign = -1 THEN asks - pays - hands ELSE 0 END) AS carried_count,
        sum(CASE WHEN sign = -1 THEN (asks - pays - hands) * minor ELSE 0 END) AS carried_minor,
        sum(sign * asks) AS asked_count, sum(sign * asks * minor) AS asked_minor,
        sum(sign * pays) AS paid_count, sum(sign * pays * minor) AS paid_minor,
        sum(sign * hands) AS hand_count, sum(sign * hands * minor) AS hand_minor,
        sum(CASE WHEN sign = 1 THEN asks - pays - hands ELSE 0 END) AS left_count,
        sum(CASE WHEN sign = 1 THEN (asks - pays - hands) * minor ELSE 0 END) AS left_minor
    FROM moves JOIN standing ON standing.k = moves.k
    WHERE asks + pays + hands > 0
    GROUP BY currency, finding
),
bridge_lines AS (
    SELECT 'carried' AS line UNION ALL SELECT 'asked' UNION ALL SELECT 'paid' UNION ALL SELECT 'paid_by_hand' UNION ALL SELECT 'break'
    UNION ALL SELECT 'incomplete' UNION ALL SELECT 'pending' UNION ALL SELECT 'unknown' UNION ALL SELECT 'not_sent'
    UNION ALL SELECT 'rejected' UNION ALL SELECT 'closed' UNION ALL SELECT 'residual'
),
statement AS (
    SELECT currency, line,
        sum(CASE line WHEN 'carried' THEN carried_count WHEN 'asked' THEN asked_count WHEN 'paid' THEN paid_count
            WHEN 'paid_by_hand' THEN hand_count
            WHEN 'residual' THEN carried_count + asked_count - paid_count - hand_count
                - CASE WHEN finding IN ('reconciled', 'by_hand') THEN 0 ELSE left_count END
            ELSE CASE WHEN line = finding THEN left_count ELSE 0 END END) AS total_count,
        sum(CASE line WHEN 'carried' THEN carried_minor WHEN 'asked' THEN asked_minor WHEN 'paid' THEN paid_minor
            WHEN 'paid_by_hand' THEN hand_minor
            WHEN 'residual' THEN carried_minor + asked_minor - paid_minor - hand_minor
                - CASE WHEN finding IN ('reconciled', 'by_hand') THEN 0 ELSE left_minor END
            ELSE CASE WHEN line = finding THEN left_minor ELSE 0 END END) AS total_minor
    FROM bridge CROSS JOIN bridge_lines
    GROUP BY currency, line
),
-- Of the run: first whether the books were all there, then the breaks, then what is waited for.
worst AS (
    SELECT coalesce(max(CASE WHEN finding = 'incomplete' THEN 1 ELSE 0 END), 0) AS incomplete,
        coalesce(max(CASE WHEN finding = 'break' THEN 1 ELSE 0 END), 0) AS breaks,
        coalesce(max(CASE WHEN finding = 'pending' THEN 1 ELSE 0 END), 0) AS pending
    FROM standing
),
lacking AS (
    SELECT count(CASE WHEN lack = 'due' THEN 1 END) AS lacks, count(CASE WHEN lack = 'awaited' THEN 1 END) AS waits FROM gaps
)
SELECT 'break' AS part, judged.k AS payout_key, said AS kind, of_book AS book, of_attempt AS attempt, which, life, asked AS expected_minor,
    asked_currency AS expected_currency, found AS found_minor, found_currency, 0 AS total_count, 0 AS total_minor
FROM judged JOIN standing ON standing.k = judged.k
WHERE life IN ('new', 'persisting', 'gone')
UNION ALL
SELECT 'open', k, finding, '', 0, '', '', asked, asked_currency, NULL, NULL, 0, 0
FROM standing WHERE finding IN ('break', 'incomplete', 'pending', 'unknown', 'not_sent', 'rejected')
UNION ALL
SELECT 'finding', '', finding, '', 0, '', '', NULL, NULL, NULL, NULL, count(*), 0
FROM standing GROUP BY finding
UNION ALL
SELECT 'carried', '', 'before', '', 0, '', '', NULL, NULL, NULL, NULL, coalesce(sum(was_open), 0), 0
FROM standing
UNION ALL
SELECT 'statement', '', line, '', 0, '', '', NULL, currency, NULL, NULL, total_count, total_minor
FROM statement
UNION ALL
SELECT 'verdict', '', CASE WHEN incomplete = 1 OR lacks > 0 THEN 'incomplete' WHEN breaks = 1 THEN 'breaks'
    WHEN pending = 1 OR waits > 0 THEN 'pending' ELSE 'reconciled' END, '', 0, '', '', NULL, NULL, NULL, NULL, 0, 0
FROM worst CROSS JOIN lacking
