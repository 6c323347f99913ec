extension Migration {
  /// Schema 14: who made robots and their tokens, and so stands behind what was asked for and agreed to by them.
  static let makers = Migration(
    number: 14, name: "makers",
    script: """
      -- made_by, requested_makers, makers: names of accounts, with commas; NULL: not known, or none. made_by: who made a robot
      -- or a token of one: the person, or a robot and whoever made that.
      ALTER TABLE account ADD COLUMN made_by {TEXT};
      ALTER TABLE token ADD COLUMN made_by {TEXT};
      ALTER TABLE environment_release ADD COLUMN requested_makers {TEXT};
      ALTER TABLE release_approval ADD COLUMN makers {TEXT};
      UPDATE account SET made_by = (
          SELECT g.granted_by FROM access_grant g WHERE g.account_id = account.id ORDER BY g.id LIMIT 1)
        WHERE kind = 'robot';
      """)
}
