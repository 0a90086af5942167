//! The least that a program could do on this machine: the same round trips, one after the other, over sockets that are kept
//! open, with requests written as text. No SDK, no TLS, no signature is made or verified, and nothing is promised when one of
//! them fails. No real function can be as quick; it is what the others are divided by.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

/// The argument that makes this program the floor.
pub const COMMAND: &str = "floor";

/// The engine wants to see a signature, and does not verify it.
const PUT: &str = "x-amz-target: DynamoDB_20120810.PutItem\r\n\
    content-type: application/x-amz-json-1.0\r\n\
    x-amz-date: 20260101T000000Z\r\n\
    authorization: AWS4-HMAC-SHA256 Credential=local/20260101/eu-central-1/dynamodb/aws4_request, \
    SignedHeaders=host;x-amz-date, Signature=none\r\n";

/// Until Lambda, that is the measurement, ends it.
pub fn serve() -> ! {
    let of = |name: &str| std::env::var(name).unwrap();
    let host = |url: String| url.trim_start_matches("http://").to_owned();
    let mut lambda = Socket::open(of("AWS_LAMBDA_RUNTIME_API"));
    let (mut tables, mut rail) = (Socket::open(host(of("AWS_ENDPOINT_URL"))), Socket::open(host(of("RAIL_URL"))));
    let (table, secret) = (of("IDEMPOTENCY_TABLE"), of("RAIL_SECRET"));
    loop {
        let next = lambda.ask("GET", "/2018-06-01/runtime/invocation/next", "", "");
        let invocation = next.header("lambda-runtime-aws-request-id");
        let delivery: Value = serde_json::from_slice(&next.body).unwrap();
        let event: Value = serde_json::from_str(delivery["body"].as_str().unwrap()).unwrap();
        let (id, payment) = (event["id"].as_str().unwrap(), &event["data"]["object"]);
        let mut put = |kind: &str, status: &str| {
            let item = json!({"id": {"S": format!("{id}#{kind}")}, "status": {"S": status}});
            let put = json!({"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(id)"});
            tables.ask("POST", "/", PUT, &put.to_string()).status
        };
        let claimed = put("claim", "claimed");
        assert!([200, 400].contains(&claimed), "the claim was answered {claimed}");
        if claimed == 200 {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let form = format!(
                "amount={}&currency={}&destination={}&metadata%5Bpayout_key%5D=stripe%2F{}",
                payment["amount_received"],
                text(&payment["currency"]),
                text(&payment["metadata"]["payee"]),
                text(&payment["id"])
            );
            let head = format!("authorization: Bearer {secret}\r\ncontent-type: application/x-www-form-urlencoded\r\n");
            assert_eq!(rail.ask("POST", "/v1/transfers", &head, &form).status, 200);
            assert_eq!(put("outcome", "accepted"), 200);
        }
        let path = format!("/2018-06-01/runtime/invocation/{invocation}/response");
        lambda.ask("POST", &path, "", r#"{"statusCode":200}"#);
    }
}

struct Socket {
    host: String,
    stream: BufReader<TcpStream>,
}

struct Answer {
    status: u16,
    head: Vec<String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> String {
        let value = |line: &String| {
            let (named, value) = line.split_once(':')?;
            named.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        self.head.iter().find_map(value).unwrap_or_default()
    }
}

impl Socket {
    fn open(host: String) -> Self {
        let stream = TcpStream::connect(&host).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { host, stream: BufReader::new(stream) }
    }

    /// Every server here names the length of its answers.
    fn ask(&mut self, method: &str, path: &str, head: &str, body: &str) -> Answer {
        let host = &self.host;
        let request =
            format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{head}content-length: {}\r\n\r\n{body}", body.len());
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let mut head = vec![];
        loop {
            let mut line = String::new();
            // Whoever measures has ended.
            if self.stream.read_line(&mut line).unwrap_or(0) == 0 {
                std::process::exit(0);
            }
            if line.trim_end().is_empty() {
                break;
            }
            head.push(line);
        }
        let status = head[0].split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: vec![] };
        answer.body = vec![0; answer.header("content-length").parse().unwrap()];
        self.stream.read_exact(&mut answer.body).unwrap();
        answer
    }
}
