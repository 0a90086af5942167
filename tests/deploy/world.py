"""AWS on this machine: MiniStack, beside it the sandbox rail and the issuer at which people sign in, and a copy of infra/ whose
parameters suit them."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "target" / "deploy"
BIN = Path(sys.executable).parent
REGION = "eu-central-1"
SECRETS = {
    "STRIPE_WEBHOOK_SECRET": "whsec_deployOnlyNotASecret",
    "RAIL_SECRET": "sk_test_sandboxOnlyNotASecret",
    "RAIL_LOOKUP_SECRET": "rk_test_sandboxOnlyNotASecret",
    "CONSOLE_CLIENT_SECRET": "client-deployOnlyNotASecret",
}
STANDARD_WEBHOOKS_SECRET = "whsec_ZGVwbG95T25seU5vdEFTZWNyZXQwMTIzNDU2Nzg5"


def free_port(following=0):
    """A port that is free, with so many free ones after it."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        try:
            for offset in range(following + 1):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port + offset))
            return port
        except OSError:
            continue


def wait_for(what, found, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        result = found()
        if result:
            return result
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds} s in vain for {what}")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class World:
    def __init__(self):
        self.children = []
        self.gateway, local = free_port(), free_port(following=2)
        self.rail, self.issuer = local + 1, free_port()
        self.signing_in, self.is_deployed = None, False
        # Of the tables' names, once they were restored.
        self.suffix, self.here = "", HERE
        shutil.rmtree(HERE, ignore_errors=True)
        HERE.mkdir(parents=True)
        # The folders that the commands name; cargo finds its workspace above them.
        for folder in ("functions", "events"):
            (HERE / folder).symlink_to(ROOT / folder)
        shutil.copytree(ROOT / "infra", HERE / "infra", ignore=shutil.ignore_patterns(".aws-sam", "local"))
        # What an emulator on this machine needs: no CodeDeploy and no composite alarms there, nobody to confirm, this machine's processor.
        adapted = {"GradualDeployment": "false", "CompositeAlarms": "false", "Architecture": "x86_64", "RequestsPerSecond": "50", "RequestsBurst": "100"}
        with (HERE / "infra" / "parameters.toml").open("a") as parameters:
            parameters.writelines(f'{name} = "{value}"\n' for name, value in adapted.items())
        self._adapt("infra/samconfig.toml", "confirm_changeset = true", "confirm_changeset = false")
        config = (Path(__file__).parent / "payonce.toml").read_text().replace("RAIL", str(self.rail)).replace("ISSUER", str(self.issuer))
        (HERE / "infra" / "payonce.toml").write_text(config)
        # Of both providers of that configuration.
        subprocess.run([ROOT / "target" / "debug" / "payonce", "template"], cwd=HERE, check=True)

        self.environment = {
            # What was built with other settings would be built once more.
            **{name: value for name, value in os.environ.items() if name.startswith("CARGO_")},
            "PATH": f"{BIN}:{ROOT / 'target/tools/cargo-tools/bin'}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/root"),
            "USER": "on-call",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.gateway}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "SAM_CLI_TELEMETRY": "0",
            "CARGO_TARGET_DIR": str(ROOT / "target"),
            # This machine's own linker; for arm64 it is zig.
            "CARGO_LAMBDA_COMPILER": "cargo",
            "TEST_PAYEE": "acct_sandboxPays",
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", ""),
            **SECRETS,
        }
        self.environment = {name: value for name, value in self.environment.items() if value}
        self._start_rail(local)
        self._start_aws()
        self.shell = Shell(self.environment)

    def _adapt(self, file, old, new):
        path = HERE / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is not in {file} once"
        path.write_text(text.replace(old, new))

    def _start(self, name, command, environment, port):
        log = (HERE / f"{name}.log").open("w")
        child = subprocess.Popen(command, cwd=HERE, env=environment, stdout=log, stderr=log, start_new_session=True)
        self.children.append(child)
        wait_for(f"{name} on port {port}", lambda: child.poll() is not None or listens(port))
        assert child.poll() is None, (HERE / f"{name}.log").read_text()
        return child

    def _start_rail(self, port):
        binary = ROOT / "target" / "debug" / "payonce"
        self._start("rail", [binary, "--no-play", "--port", str(port)], {"PATH": os.environ["PATH"]}, self.rail)

    def _start_aws(self):
        environment = self.environment | {
            "GATEWAY_PORT": str(self.gateway),
            "BIND_HOST": "127.0.0.1",
            "MINISTACK_REGION": REGION,
            "LAMBDA_EXECUTOR": "local",
            "IOT_MTLS_ENABLED": "0",
            # Roles and signatures count: a function that lacks a permission is refused.
            "AUTH": "true",
            # The functions inherit it; deployed, they have the configuration that was compiled in.
            "PAYONCE_CONFIG": str(HERE / "infra" / "payonce.toml"),
        }
        self._start("ministack", [sys.executable, Path(__file__).with_name("emulator.py")], environment, self.gateway)

    def start_issuer(self):
        """A certified issuer. It sends browsers back to the console alone, whose address is known once it is deployed."""
        if self.signing_in:
            os.killpg(self.signing_in.pid, signal.SIGKILL)
            self.children.remove(self.signing_in)
            self.signing_in.wait()
        folder = ROOT / "shared" / "identity" / "tests" / "oidc"
        modules = os.environ.get("PAYONCE_OIDC_NODE_MODULES", folder / "node_modules")
        assert (Path(modules) / "oidc-provider").exists(), f"`npm ci` in {folder} makes {modules}"
        environment = {
            "PATH": os.environ["PATH"],
            "PAYONCE_OIDC_NODE_MODULES": str(modules),
            "PAYONCE_OIDC_PORT": str(self.issuer),
            "PAYONCE_OIDC_CLIENT": "payonce-console",
            "PAYONCE_OIDC_SECRET": SECRETS["CONSOLE_CLIENT_SECRET"],
            "PAYONCE_OIDC_REDIRECT": f"{self.output('Console')}/signed-in",
            "PAYONCE_OIDC_LOGOUT": f"{self.output('Console')}/signed-out",
        }
        self.signing_in = self._start("issuer", ["node", folder / "issuer.mjs"], environment, self.issuer)

    def run(self, heading, *blocks):
        """The commands of infra/deploy.md under a heading, all of them or those with these numbers."""
        texts = documented()[heading]
        return "".join(self.shell.run(texts[number]) for number in (blocks or range(len(texts))))

    def deploy(self):
        """Once, whoever comes first."""
        if self.is_deployed:
            return
        self.run("Once")
        self.client("secretsmanager").create_secret(Name="payonce/standardwebhooks", SecretString=STANDARD_WEBHOOKS_SECRET)
        self.run("Configure, build, deploy")
        self.shell.run('cargo run -q -- control accept-keys --provider standardwebhooks --by "$USER"')
        self.is_deployed = True

    def stop(self):
        self.shell.stop()
        for child in self.children:
            os.killpg(child.pid, signal.SIGKILL)

    # --- AWS ---------------------------------------------------------------------------------------------------------

    def client(self, service, session=None):
        """With an administrator's credentials, or those of a role's session."""
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        if session:
            keys = {
                "aws_access_key_id": session["AccessKeyId"], "aws_secret_access_key": session["SecretAccessKey"],
                "aws_session_token": session["SessionToken"],
            }
        return boto3.client(service, region_name=REGION, endpoint_url=self.environment["AWS_ENDPOINT_URL"], **keys)

    def session_of(self, part):
        """Credentials that may do what the role with this in its name may. The role itself is taken by a service alone, so this is
        another one with its policies."""
        roles = self.client("iam")
        [role] = [r["RoleName"] for r in roles.list_roles()["Roles"] if part in r["RoleName"]]
        name = "stand-in-for-" + part.removesuffix("Role")
        if all(r["RoleName"] != name for r in roles.list_roles()["Roles"]):
            anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
            trust = {"Version": "2012-10-17", "Statement": [anybody]}
            roles.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
            for policy in roles.list_role_policies(RoleName=role)["PolicyNames"]:
                document = roles.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
                roles.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
        arn = roles.get_role(RoleName=name)["Role"]["Arn"]
        return self.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]

    def output(self, name):
        [stack] = self.client("cloudformation").describe_stacks(StackName="payonce")["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}[name]

    def endpoint(self):
        return self.output("Endpoint")

    def token(self):
        return self.client("secretsmanager").get_secret_value(SecretId="payonce/path-token")["SecretString"]

    def invoke(self, function, payload=b"{}"):
        answer = self.client("lambda").invoke(FunctionName=function, Qualifier="live", Payload=payload)
        assert "FunctionError" not in answer, answer["Payload"].read()
        return json.loads(answer["Payload"].read())

    def drift(self):
        return sorted({(d["place"], d["subject"], d["path"]) for d in self.invoke("payonce-retry-audit")["drift"]})

    def items(self, table):
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=f"payonce-{table}{self.suffix}", ConsistentRead=True)
        return [item for page in pages for item in page["Items"]]

    def cases(self):
        """Reasons of the open cases."""
        return sorted(item["reason"]["S"] for item in self.items("reconcile") if item["sk"]["S"] == "case")

    def hold(self):
        key = {"pk": {"S": "control"}, "sk": {"S": "hold"}}
        return self.client("dynamodb").get_item(TableName=f"payonce-reconcile{self.suffix}", Key=key, ConsistentRead=True)["Item"]["hold"]["S"]

    # --- The provider and the rail ---------------------------------------------------------------------------------------

    def post(self, path, body, headers, timeout=60):
        """Status and JSON; an HTTP error is an answer like any other."""
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway, timeout=timeout)
        host = self.endpoint().split("//")[1]
        connection.request("POST", path, body, {"Host": host, "Content-Type": "application/json", **headers})
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text.startswith(b"{") else text

    def paid(self, payout_key):
        """How often the rail executed it, by the rail's own books."""
        connection = http.client.HTTPConnection("127.0.0.1", self.rail, timeout=10)
        connection.request("GET", "/v1/transfers?limit=100", headers={"Authorization": f"Bearer {SECRETS['RAIL_LOOKUP_SECRET']}"})
        found = json.loads(connection.getresponse().read())
        assert not found["has_more"]
        return sum(t["metadata"].get("payout_key") == payout_key for t in found["data"])


class Shell:
    """One bash that runs the documented commands in order, as a person's terminal would."""

    DONE = "documented-command-ended"

    def __init__(self, environment):
        self.bash = subprocess.Popen(
            ["bash", "--norc", "-euo", "pipefail"], cwd=HERE, env=environment, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )

    def run(self, block):
        """What it printed. The shell stops at the first command that fails, and so does the test."""
        self.bash.stdin.write(f"{block}\necho {self.DONE}\n")
        self.bash.stdin.flush()
        printed = []
        for line in self.bash.stdout:
            if line.rstrip("\n").endswith(self.DONE):
                return "".join(printed) + line.rstrip("\n").removesuffix(self.DONE)
            printed.append(line)
        raise AssertionError("a documented command failed:\n" + block + "\n" + "".join(printed)[-8000:])

    def stop(self):
        if self.bash.poll() is None:
            os.killpg(self.bash.pid, signal.SIGKILL)


def documented():
    """The `sh` blocks of infra/deploy.md under their headings; what is for a person's eyes alone is a `console` block."""
    sections, heading = {}, ""
    for match in re.finditer(r"^## (?P<heading>[^\n]+)$|^```sh\n(?P<block>.*?)^```$", (ROOT / "infra" / "deploy.md").read_text(), re.M | re.S):
        if match["heading"]:
            heading = match["heading"]
            sections[heading] = []
        else:
            sections[heading].append(match["block"])
    return sections
