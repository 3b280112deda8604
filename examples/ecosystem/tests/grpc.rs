//! The example `grpc`, with itself and with gRPC's own implementation on the other side:
//! Python's `grpcio`, whose wheel may lie in `target/peers/grpcio`.

mod support;

use std::path::Path;
use std::process::Command;
use support::web::Files;
use support::{Program, missing, peers, run};

const EXAMPLE: &str = env!("CARGO_BIN_EXE_grpc");

/// A message is a string, field 1: its tag, its length, and it.
const CLIENT: &str = r#"
import grpc, sys
address, ca = sys.argv[1:]
with grpc.secure_channel(address, grpc.ssl_channel_credentials(open(ca, "rb").read())) as channel:
    call = channel.unary_unary("/helloworld.Greeter/SayHello")
    print(call(b"\x0a\x05alice", timeout=30)[2:].decode())
    try:
        channel.unary_unary("/helloworld.Greeter/SayGoodbye")(b"", timeout=30)
    except grpc.RpcError as error:
        print(error.code().name, error.details())
"#;

const SERVER: &str = r#"
import concurrent.futures, grpc, sys
chain, key = (open(file, "rb").read() for file in sys.argv[1:])
def greet(request, context):
    return b"\x0a" + bytes([7 + len(request) - 2]) + b"hello, " + request[2:]
server = grpc.server(concurrent.futures.ThreadPoolExecutor())
handlers = {"SayHello": grpc.unary_unary_rpc_method_handler(greet)}
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("helloworld.Greeter", handlers)])
port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
server.start()
print("port", port, flush=True)
server.wait_for_termination()
"#;

/// Python with grpcio, to run this.
fn python(program: &str) -> Option<Command> {
    let [python] = peers(["python3"])?;
    let wheel = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("peers/grpcio");
    let command = |program| {
        let mut command = Command::new(&python);
        command.env("PYTHONPATH", &wheel).env("no_proxy", "*").args(["-c", program]);
        command
    };
    if !command("import grpc").output().unwrap().status.success() {
        missing("grpcio");
        return None;
    }
    Some(command(program))
}

fn serve(files: &Files) -> (Program, String) {
    let mut command = Command::new(EXAMPLE);
    let server = Program::start(command.args(["serve", "127.0.0.1:0", &files.chain, &files.key])).unwrap();
    let port = server.wait_for_line("https://localhost:").unwrap();
    (server, port)
}

#[test]
fn its_own_client_is_greeted() {
    let files = Files::new();
    let (_server, port) = serve(&files);
    let said =
        run(Command::new(EXAMPLE).args(["call", &format!("https://localhost:{port}"), &files.ca, "alice"]));
    assert_eq!(said, "hello, alice, at 127.0.0.1\n");
}

#[test]
fn a_client_of_grpcio_is_greeted() {
    let Some(mut client) = python(CLIENT) else { return };
    let files = Files::new();
    let (_server, port) = serve(&files);
    let said = run(client.arg(format!("localhost:{port}")).arg(&files.ca));
    assert_eq!(said, "hello, alice, at 127.0.0.1\nUNIMPLEMENTED the Greeter only says hello\n");
}

#[test]
fn a_server_of_grpcio_greets() {
    let Some(mut server) = python(SERVER) else { return };
    let files = Files::new();
    let server = Program::start(server.args([&files.chain, &files.key])).unwrap();
    let port = server.wait_for_line("port ").unwrap();
    let said =
        run(Command::new(EXAMPLE).args(["call", &format!("https://localhost:{port}"), &files.ca, "alice"]));
    assert_eq!(said, "hello, alice\n");
}
