extension Migration {
  /// Schema 16: the pulls of a namespace are found in the audit log by their time.
  static let recordedPulls = Migration(
    number: 16, name: "recorded pulls",
    script: """
      -- Of pulls alone, so that no other record costs an entry more; what retention trims leaves it with its kind.
      CREATE INDEX audit_record_pull ON audit_record (namespace, at) WHERE kind = 'pull' AND outcome = 'done';
      """)
}
