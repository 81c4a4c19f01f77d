extension Schema {
  /// The interface for people: stable names, texts in full, studies by name. `Documentation/Formats/store.md` describes
  /// every column.
  static let views = """
    CREATE VIEW trial_scores AS
      SELECT s.name AS study, t.number AS trial, t.state, t.mean AS score, t.deviation,
        CASE WHEN t.count > 1 THEN t.deviation / sqrt(t.count) END AS standard_error, t.count AS rollouts,
        t.screened, t.origin, t.parent, \(Columns.text("t.assignment")) AS assignment,
        \(Columns.text("t.note")) AS note, \(Columns.text("t.outcomes")) AS outcomes,
        \(Columns.text("t.reason")) AS reason, t.began, t.ended
      FROM trials t JOIN studies s ON s.id = t.study;
    CREATE VIEW best_trials AS
      SELECT study, trial, score, deviation, rollouts, origin, assignment, rank FROM (
        SELECT s.name AS study, t.number AS trial, t.mean AS score, t.deviation, t.count AS rollouts, t.origin,
          \(Columns.text("t.assignment")) AS assignment,
          row_number() OVER (PARTITION BY t.study
            ORDER BY 2 * t.count < (SELECT max(m.count) FROM trials m WHERE m.study = t.study AND m.state = 'complete'), CASE s.direction WHEN 'maximize' THEN -t.mean ELSE t.mean END, t.number) AS rank
        FROM trials t JOIN studies s ON s.id = t.study
        WHERE t.state = 'complete' AND t.screened = 0 AND t.mean IS NOT NULL);
    CREATE VIEW running_trials AS
      SELECT s.name AS study, t.number AS trial, t.began, o.host, o.process, o.heartbeat
      FROM trials t JOIN studies s ON s.id = t.study LEFT JOIN owners o ON o.id = t.owner WHERE t.state = 'running';
    CREATE VIEW proposal_attempts AS
      SELECT s.name AS study, a.seq, a.origin, a.outcome, \(Columns.text("a.rejections")) AS rejections,
        \(Columns.text("a.suggestion")) AS suggestion, \(Columns.text("a.reasoning")) AS reasoning,
        \(Columns.text("a.calls")) AS calls
      FROM attempts a JOIN studies s ON s.id = a.study;
    CREATE VIEW rollout_scores AS
      SELECT r.id AS rollout, s.name AS study, r.trial,
        CASE r.split WHEN 0 THEN 'train' WHEN 1 THEN 'validation' ELSE 'test' END AS split,
        r.example, r.repeat, r.score, \(Columns.text("r.feedback")) AS feedback,
        \(Columns.text("r.output")) AS output, \(Columns.text("r.outcomes")) AS outcomes, r.failure,
        \(Columns.text("r.failure_message")) AS failure_message, r.requests, r.prompt_tokens, r.completion_tokens,
        r.money, r.seconds
      FROM rollouts r JOIN studies s ON s.id = r.study;
    CREATE VIEW trace_nodes AS
      SELECT n.rollout, n.seq,
        CASE n.kind WHEN 0 THEN 'parameter' WHEN 1 THEN 'input' WHEN 2 THEN 'constant' WHEN 3 THEN 'step'
          ELSE 'failure' END AS kind,
        l.name, l.doc, \(Columns.text("n.value")) AS value, n.parent
      FROM nodes n JOIN labels l ON l.id = n.label;
    CREATE VIEW trace_edges AS
      SELECT n.rollout, i.value AS source, n.seq AS target, i.key AS position
      FROM nodes n JOIN json_each(\(Columns.text("n.inputs"))) i WHERE n.inputs IS NOT NULL;
    CREATE VIEW trace_feedback AS
      SELECT rollout, seq, node, \(Columns.text("text")) AS text, score FROM feedback;
    CREATE VIEW llm_calls AS
      SELECT c.id, s.name AS study, c.key, c.alias, c.path, c.role, c.repeat, c.sample, c.status,
        \(Columns.text("c.request")) AS request, \(Columns.text("c.response")) AS response,
        c.prompt_tokens, c.completion_tokens, c.cost, c.estimated, c.seconds, c.attempts, c.made
      FROM calls c JOIN studies s ON s.id = c.study;
    CREATE VIEW spending AS
      SELECT s.name AS study, count(u.requests) AS entries, ifnull(sum(u.requests), 0) AS requests,
        ifnull(sum(u.prompt_tokens), 0) AS prompt_tokens, ifnull(sum(u.completion_tokens), 0) AS completion_tokens,
        ifnull(sum(u.money), 0.0) AS money, ifnull(sum(u.estimated_tokens), 0) AS estimated_tokens
      FROM studies s LEFT JOIN (
        SELECT study, attempts AS requests, prompt_tokens, completion_tokens, ifnull(cost, 0.0) AS money,
          CASE estimated WHEN 1 THEN prompt_tokens + completion_tokens ELSE 0 END AS estimated_tokens FROM calls
      ) u ON u.study = s.id GROUP BY s.id;
    """
}
