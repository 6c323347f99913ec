extension Migration {
  /// Schema 13: by which trust rules jobs asked for releases and agreed to them.
  static let agreement = Migration(
    number: 13, name: "agreement",
    script: """
      -- requested_rules, rules: names of the namespace's trust rules that took the job, with commas; NULL: it was no job.
      ALTER TABLE environment_release ADD COLUMN requested_rules {TEXT};
      ALTER TABLE release_approval ADD COLUMN rules {TEXT};
      """)
}
