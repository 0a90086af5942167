//! The stand-in itself, driven by a bare socket.

use super::*;
use std::io::Read;
use std::path::Path;

const MINUTE: Duration = Duration::from_secs(60);

fn connect(api: &RuntimeApi) -> TcpStream {
    let stream = TcpStream::connect(api.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn send(stream: &mut TcpStream, request: &str) {
    stream.write_all(request.as_bytes()).unwrap();
}

fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = String::new();
    while !answer.ends_with(end) {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "closed after {answer:?}");
        answer.push(char::from(byte[0]));
    }
    answer
}

fn post(stream: &mut TcpStream, path: &str, body: &str) {
    send(stream, &format!("POST /2018-06-01/runtime/{path} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
}

const NEXT: &str = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n";

#[test]
fn hands_out_each_invocation_once() {
    let api = RuntimeApi::start();
    let mut stream = connect(&api);
    send(&mut stream, NEXT);
    api.asked(1);
    let first = api.invoke("[1]", MINUTE, Treatment::Take);
    let second = api.invoke("[2]", MINUTE, Treatment::Take);
    let head = read_until(&mut stream, "[1]");
    assert!(head.contains(&format!("lambda-runtime-aws-request-id: {first}\r\n")), "{head}");
    assert!(head.contains("lambda-runtime-deadline-ms: "), "{head}");
    post(&mut stream, &format!("invocation/{first}/response"), "{}");
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 202"));
    assert_eq!(api.ending(&first), Ending::Response(b"{}".to_vec()));
    send(&mut stream, NEXT);
    read_until(&mut stream, "[2]");
    post(&mut stream, &format!("invocation/{second}/error"), "boom");
    assert_eq!(api.ending(&second), Ending::Error(b"boom".to_vec()));
    assert_eq!(api.init_error(), None);
}

#[test]
fn refuses_a_response_or_hangs_up_as_told() {
    let api = RuntimeApi::start();
    let mut stream = connect(&api);
    let refused = api.invoke("[1]", MINUTE, Treatment::Refuse(413));
    let hung_up = api.invoke("[2]", MINUTE, Treatment::HangUp);
    send(&mut stream, NEXT);
    read_until(&mut stream, "[1]");
    post(&mut stream, &format!("invocation/{refused}/response"), "{}");
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 413"));
    send(&mut stream, NEXT);
    read_until(&mut stream, "[2]");
    send(
        &mut stream,
        &format!(
            "POST /2018-06-01/runtime/invocation/{hung_up}/response HTTP/1.1\r\n\
             Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
        ),
    );
    assert_eq!(api.ending(&hung_up), Ending::Response(b"{}".to_vec()));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn tells_a_dead_function_and_keeps_its_output() {
    let api = RuntimeApi::start();
    let start = |binary: &str, environment: &[(&str, &str)]| {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let binary = Path::new(binary);
        Function::start(
            Start { binary, arguments: &[], memory_mib: 512, environment, output: Output::Kept, on_one_core: false },
            &api,
        )
    };
    let mut function = start("/bin/sh", &[]);
    // A shell without a script and without input ends at once.
    assert!(function.ended().success());
    assert!(!function.lives());
    let mut function = start("/usr/bin/env", &[("PAYONCE_PROVIDER", "stripe")]);
    function.ended();
    let printed = function.printed();
    assert!(printed.contains("PAYONCE_PROVIDER=stripe\n"), "{printed}");
    assert!(printed.contains(&format!("AWS_LAMBDA_RUNTIME_API={}\n", api.address())), "{printed}");
    assert!(!printed.contains("HOME="), "{printed}");
}
