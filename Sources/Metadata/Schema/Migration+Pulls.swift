extension Migration {
  /// Schema 7: when an image was last pulled, and how often.
  static let pulls = Migration(
    number: 7, name: "pulls",
    script: """
      -- Gathered in memory and written every few seconds: a crash may lose the last of them.
      ALTER TABLE manifest ADD COLUMN pulled_at BIGINT NOT NULL DEFAULT 0;
      ALTER TABLE manifest ADD COLUMN pulls BIGINT NOT NULL DEFAULT 0;
      """)
}
