"""The template as CloudFormation will see it: loops written out, SAM's resources replaced by AWS's own.

Settings are looked at here and not in the source, because what SAM makes of it is what is deployed."""

import copy
import json
import os
from functools import cache
from pathlib import Path

import cfnlint.decode
from cfnlint.template import Template
from cfnlint.template.transforms._language_extensions import language_extension
from samtranslator.translator.transform import transform

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "infra" / "template.yaml"
REGION = "eu-central-1"
WEBHOOKS = "Fn::ForEach::Webhooks"
PROVIDERS = ["stripe", "adyen"]

os.environ["AWS_DEFAULT_REGION"] = REGION  # SAM asks for one before it knows that it needs none


@cache
def _source():
    template, problems = cfnlint.decode.decode(str(SOURCE))
    assert not problems, problems
    return template


def source():
    """A copy to change."""
    return copy.deepcopy(_source())


class _NoManagedPolicies:
    def load(self):
        return {}


def translate(template=None, gradual="true"):
    template = template if template is not None else source()
    # Two, so that what is written once for all of them is seen.
    template["Resources"][WEBHOOKS][1] = PROVIDERS
    # cfn-lint takes any row of a map where AWS takes the parameter's.
    template["Mappings"]["GradualDeployment"] = {answer: {"Enabled": gradual} for answer in ("true", "false")}
    problems, expanded = language_extension(Template(str(SOURCE), template, regions=[REGION]))
    assert not problems, problems
    expanded = json.loads(json.dumps(expanded))
    for resource in expanded["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/packaged"
    done = transform(expanded, {}, _NoManagedPolicies())
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
