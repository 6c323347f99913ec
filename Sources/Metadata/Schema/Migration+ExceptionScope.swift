extension Migration {
  /// Schema 15: exceptions for one image, and from what policies ask beside findings; events of several packages.
  static let exceptionScope = Migration(
    number: 15, name: "exception scope",
    script: """
      -- image: name:tag or name@digest; empty: any. rule: what of a policy it is about, as the policy names it; empty: findings.
      ALTER TABLE finding_exception ADD COLUMN image {TEXT} NOT NULL DEFAULT '';
      ALTER TABLE finding_exception ADD COLUMN rule {TEXT} NOT NULL DEFAULT '';

      -- packages: all that the event is about, as a JSON list; NULL: package_id alone. change: what is not as it was.
      ALTER TABLE finding_event ADD COLUMN packages {TEXT};
      ALTER TABLE finding_event ADD COLUMN change {TEXT};
      """)
}
