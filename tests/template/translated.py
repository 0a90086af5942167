"""The template as CloudFormation will see it: SAM's resources replaced by AWS's own.

Settings are looked at here and not in the source, because what SAM makes of it is what is deployed. The source is made for two
providers, so that what is written once for all of them is seen."""

import copy
import json
import os
import subprocess
from functools import cache
from pathlib import Path

import cfnlint.decode
from samtranslator.translator.transform import transform

ROOT = Path(__file__).resolve().parents[2]
MADE = ROOT / "target" / "template"
REGION = "eu-central-1"
PROVIDERS = ["adyen", "stripe"]

os.environ["AWS_DEFAULT_REGION"] = REGION  # SAM asks for one before it knows that it needs none


@cache
def _source():
    config, out = Path(__file__).with_name("payonce.toml"), MADE / "template.yaml"
    MADE.mkdir(parents=True, exist_ok=True)
    making = ["cargo", "run", "--quiet", "--locked", "--", "template", "--config", config, "--out", out, "--tables-suffix", ""]
    subprocess.run(making, cwd=ROOT, check=True)
    return decoded(out)


def decoded(path):
    template, problems = cfnlint.decode.decode(str(path))
    assert not problems, problems
    return json.loads(json.dumps(template))


def source():
    """A copy to change."""
    return copy.deepcopy(_source())


class _NoManagedPolicies:
    def load(self):
        return {}


def translate(template=None, gradual="true"):
    template = template if template is not None else source()
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/packaged"
    done = transform(template, {"GradualDeployment": gradual}, _NoManagedPolicies())
    # The transform used it up; in what is left nothing speaks of it.
    del done["Parameters"]["GradualDeployment"], done["Mappings"]["GradualDeployment"]
    for group in done["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]:
        group["Parameters"] = [name for name in group["Parameters"] if name != "GradualDeployment"]
    if not done["Mappings"]:
        del done["Mappings"]
    return done


def plain(value):
    """A value without its functions: a reference is the name it refers to, a text keeps its `${…}`."""
    if isinstance(value, dict) and len(value) == 1:
        [(function, argument)] = value.items()
        if function == "Ref":
            return argument
        if function == "Fn::GetAtt":
            return argument[0] if isinstance(argument, list) else argument.split(".")[0]
        if function == "Fn::Sub":
            return argument if isinstance(argument, str) else argument[0]
        if function == "Fn::If":
            return plain(argument[1])
        if function == "Fn::Join":
            return argument[0].join(str(plain(part)) for part in argument[1])
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return value
