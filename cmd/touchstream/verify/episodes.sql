-- Episodes of what was left that have fired (semantics 7): of a profile, which
-- is called owner by its hash, and of its forms.
CREATE TEMPORARY TABLE verify_episodes ENGINE = MergeTree ORDER BY (owner, opened) AS
WITH
{{template "shopping" .}}
-- A change that leaves nothing of something empties the cart. A removal from an
-- empty one is activity, but opens nothing.
emptied AS
(
    SELECT a.n AS n, if(c.before > 0, 'empty', 'remove') AS does
    FROM active AS a
    INNER JOIN cart_totals AS c ON a.n = c.n
    WHERE c.items = 0 AND (a.event = 'Product Removed' OR a.event = 'Cart Viewed' AND c.before > 0)
),
forms AS (SELECT owner, groupUniqArray(toString(form_id)) AS forms FROM active WHERE stage = 4 AND form_id != '' GROUP BY owner),
-- What moves an episode on, on the line of a profile or of one of its forms.
moves AS
(
    SELECT a.owner AS owner,
        toLowCardinality(arrayJoin(multiIf(stage = 4 OR event = 'Form Submitted', [toString(a.form_id)], event IN ('Store Entered', 'Store Exited'), arrayPushBack(f.forms, ''), ['']))) AS form_id,
        cityHash64(owner, form_id) AS line,
        a.n AS n, a.at AS at, toInt64(stage) AS stage,
        toLowCardinality(multiIf(
            event IN ('Store Entered', 'Store Exited'), 'postpone',
            event = 'Form Submitted', 'submit',
            event = 'Order Completed', if(o.first_n > 0, 'end', 'nothing'),
            e.does != '', e.does,
            'activity')) AS does
    FROM active AS a
    LEFT ANY JOIN emptied AS e ON a.n = e.n
    LEFT ANY JOIN orders AS o ON a.n = o.first_n
    LEFT ANY JOIN forms AS f ON a.owner = f.owner
    WHERE does NOT IN ('activity', 'remove') OR stage IN {{.Stages}}
),
-- To be quick: an activity that follows browsing, when nothing but browsing is
-- remembered, is one step with it.
joined AS
(
    SELECT *,
        does = 'activity' AND stage = 1
        AND at - lagInFrame(if(does = 'activity' AND stage = 1, at, -9000000000000), 1, -9000000000000) OVER w <= {{.After}}[1]
        AND at - max(if(does = 'activity' AND stage = 1, -9000000000000, at)) OVER w > 2 * arrayMax({{.After}}) AS joins
    FROM moves
    WINDOW w AS (PARTITION BY line ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
stretched AS
(
    SELECT *, sum(NOT joins) OVER (PARTITION BY line ORDER BY n ROWS UNBOUNDED PRECEDING) AS place FROM joined
),
-- Before every step the timer.
steps AS
(
    SELECT any(owner) AS owner, any(form_id) AS form_id, arraySort(groupArrayArray([(place, 0, 'timer', 0, from_ms, from_ms), (place, 1, does, stage, from_ms, to_ms)])) AS steps
    FROM
    (
        SELECT line, place, any(owner) AS owner, any(form_id) AS form_id, any(does) AS does, any(stage) AS stage, min(at) AS from_ms, max(at) AS to_ms
        FROM stretched
        GROUP BY line, place
    )
    GROUP BY line
),
-- The open episode (when it opened or 0, its stage, when it is due) and those
-- that have fired, each with the time at which it was recovered or 0.
folded AS
(
    SELECT owner, form_id,
        arrayFold((s, e) -> multiIf(
            -- The timer fires what is due before this event.
            e.3 = 'timer', if(s.1 > 0 AND s.3 < e.5, (toInt64(0), toInt64(0), toInt64(0), arrayPushBack(s.4, (s.1, s.2, s.3, toInt64(0)))), s),
            e.3 = 'postpone', if(s.1 > 0, (s.1, s.2, greatest(s.3, e.5 + {{.After}}[s.2]), s.4), s),
            -- An order ends the open episode and recovers the last fired one that is still
            -- open; a submission ends one of them.
            e.3 = 'submit' AND s.1 > 0, (toInt64(0), toInt64(0), toInt64(0), s.4),
            e.3 IN ('end', 'submit'), (toInt64(0), toInt64(0), toInt64(0), arrayMap((f, i) ->
                if(i = arrayLastIndex(g -> g.4 = 0 AND e.5 - g.3 <= {{.Abandonment.Recovery}}, s.4), (f.1, f.2, f.3, e.5), f), s.4, arrayEnumerate(s.4))),
            e.3 = 'empty', if(s.1 > 0, (toInt64(0), toInt64(0), toInt64(0), s.4), s),
            e.3 = 'remove' AND s.1 = 0, s,
            e.3 IN ('activity', 'remove'), multiIf(
                s.1 = 0, (e.5, e.4, e.6 + {{.After}}[e.4], s.4),
                e.4 >= s.2, (s.1, e.4, e.6 + {{.After}}[e.4], s.4),
                s),
            s), steps, (toInt64(0), toInt64(0), toInt64(0), CAST([], 'Array(Tuple(Int64, Int64, Int64, Int64))'))) AS state,
        -- In the end the open one fires, if the watermark is past its due.
        arrayConcat(state.4, if(state.1 > 0 AND state.3 < {{.Watermark}}, [(state.1, state.2, state.3, toInt64(0))], [])) AS fired
    FROM steps
)
SELECT f.owner AS owner, p.profile_id AS profile_id, toString(f.form_id) AS form_id, episode.1 AS opened, episode.2 AS stage, episode.3 AS due, episode.4 AS closed
FROM (SELECT owner, form_id, arrayJoin(fired) AS episode FROM folded) AS f
LEFT ANY JOIN (SELECT owner, any(profile_id) AS profile_id FROM active GROUP BY owner) AS p ON f.owner = p.owner
