import Ground
import OCI
import Testing

@testable import BlobStorage

/// Signatures, against the worked examples of Amazon's documentation of Signature Version 4 for S3.
@Suite struct `A signature` {
  let signer = S3Signer(
    credentials: S3Credentials(
      accessKey: "AKIAIOSFODNN7EXAMPLE", secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), region: "us-east-1")
  let host = "examplebucket.s3.amazonaws.com"
  let time = Timestamp(parsing: "2013-05-24T00:00:00Z")!

  private func signature(
    _ method: String, _ path: String, _ query: [(String, String)] = [], _ headers: [(String, String)] = [],
    payload: String? = nil
  ) -> String {
    let signed = signer.headers(
      method: method, path: path, query: query, headers: headers + [("host", host)],
      payloadHash: payload ?? S3Signer.hash([]), at: time)
    let authorization = signed.first { $0.0 == "authorization" }?.1 ?? ""
    return String(authorization.split(separator: "=").last ?? "")
  }

  @Test func `of a range`() {
    #expect(
      signature("GET", "/test.txt", [], [("range", "bytes=0-9")])
        == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
  }

  @Test func `of an object with a header of its own`() {
    #expect(
      signature(
        "PUT", "/test%24file.text", [],
        [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")],
        payload: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072")
        == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
  }

  @Test func `of a bucket's property`() {
    #expect(
      signature("GET", "/", [("lifecycle", "")])
        == "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")
  }

  @Test func `of a list`() {
    #expect(
      signature("GET", "/", [("max-keys", "2"), ("prefix", "J")])
        == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
  }

  @Test func `in a URL`() {
    let query = signer.presignedQuery(
      method: "GET", host: host, path: "/test.txt", query: [], lifetimeSeconds: 86_400, at: time)
    #expect(
      query.hasSuffix("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"))
  }
}
