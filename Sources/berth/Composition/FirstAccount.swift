import Access
import Glibc
import Ground
import Logging

extension Server {
  /// Makes the account `admin` where there is none at all. A password that was made up is printed, once and nowhere else: not
  /// to the log, which is kept.
  func makeFirstAccount(_ settings: Settings) async throws {
    let given = try settings.access.adminPasswordFile.map { try SecretFile.read($0) } ?? settings.access.adminPassword
    guard let password = try await access.administration.makeFirstAdmin(password: given) else { return }
    logger.info("the account admin was made")
    guard given == nil else { return }
    let text = """

        The first start made the account

            user      admin
            password  \(password)

        It is shown this once. Change it with: berth user password


      """
    _ = text.withCString { write(STDOUT_FILENO, $0, strlen($0)) }
  }
}
