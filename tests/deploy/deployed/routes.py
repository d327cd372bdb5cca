"""What makes the HTTP API, for ministack, which does not read an API's OpenAPI body.

Routes and origins come out of the body that SAM made of the template, so they are its own.
"""

from collections.abc import Mapping
from typing import Any

ANY = "x-amazon-apigateway-any-method"


def _if_true(content: Any) -> Any:
    """What stands there when the condition of the resource holds."""
    return content["Fn::If"][1] if "Fn::If" in content else content


def add_routes(
    gateway: Any,
    api: str,
    body: Mapping[str, Any],
    *,
    function: str,
    parameters: Mapping[str, str],
) -> None:
    """Give the API what the body says: its authorizers, its routes, the function behind them, and
    which origins may use it."""
    if origins := parameters.get("CorsOrigins"):
        cors = dict(_if_true(body["x-amazon-apigateway-cors"]))
        ((function_name, (separator, _)),) = cors.pop("allowOrigins").items()
        assert (function_name, separator) == ("Fn::Split", ",")
        cors = {name[0].upper() + name[1:]: value for name, value in cors.items()}
        gateway.update_api(
            ApiId=api, CorsConfiguration={**cors, "AllowOrigins": origins.split(",")}
        )
    integration = gateway.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationUri=function,
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    authorizers = {
        name: _authorizer(gateway, api, name, scheme, parameters)
        for name, scheme in body["components"]["securitySchemes"].items()
    }
    for path, methods in body["paths"].items():
        for method, guarded in _if_true(methods).items():
            operation = _if_true(guarded)
            verb = "ANY" if method == ANY else method.upper()
            route = {
                "ApiId": api,
                "RouteKey": f"{verb} {path}",
                "Target": f"integrations/{integration}",
            }
            for name in [name for each in operation.get("security", []) for name in each]:
                route |= {"AuthorizationType": "JWT", "AuthorizerId": authorizers[name]}
            gateway.create_route(**route)


def _authorizer(
    gateway: Any, api: str, name: str, scheme: Mapping[str, Any], parameters: Mapping[str, str]
) -> str:
    declared = scheme["x-amazon-apigateway-authorizer"]
    tokens = declared["jwtConfiguration"]
    found: str = gateway.create_authorizer(
        ApiId=api,
        Name=name,
        AuthorizerType=declared["type"].upper(),
        IdentitySource=[declared["identitySource"]],
        JwtConfiguration={
            "Issuer": _value(tokens["issuer"], parameters),
            "Audience": _value(tokens["audience"], parameters),
        },
    )["AuthorizerId"]
    return found


def _value(content: Any, parameters: Mapping[str, str]) -> Any:
    """What a stack of the template has as a parameter, and one of the construct as it is."""
    if not isinstance(content, dict):
        return content
    value = parameters[content["Ref"]]
    return value.split(",") if content["Ref"] == "JwtAudience" else value
