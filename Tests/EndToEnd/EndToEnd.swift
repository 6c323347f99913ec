import Testing

/// The server as a user starts it, with the clients that users have.
///
/// One test runs at a time: every test starts programs of its own, and most of them want both cores of a small machine.
/// A program that is not installed is a failure, never a skip.
@Suite(.serialized) enum EndToEnd {}
