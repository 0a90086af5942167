//! Requests to AWS that are signed here and sent by somebody else's wire: where an SDK would retry, or would drop what it
//! does not know. Credentials are those of the function's role, from its environment.

use std::time::{Duration, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;

use crate::clock::Clock;
use crate::environment::Environment;

#[derive(Clone)]
pub struct Signer {
    region: String,
    /// Of this machine, in place of AWS's; the environment has checked it.
    endpoint: Option<String>,
    credentials: Credentials,
    clock: Clock,
}

/// A request to one of the services.
pub struct ToSign<'a> {
    /// As it stands in the host and in the signature's scope: `lambda`, `dynamodb`, …
    pub service: &'a str,
    pub method: &'a str,
    /// With the query, and escaped.
    pub path: &'a str,
    pub headers: &'a [(&'static str, String)],
    pub body: &'a str,
}

impl Signer {
    pub fn new(environment: &Environment, clock: Clock) -> Self {
        Self {
            region: environment.region.clone(),
            endpoint: environment.endpoints.others.clone(),
            credentials: environment.credentials.clone(),
            clock,
        }
    }

    /// Of a service that has an endpoint of its own here.
    pub(crate) fn at(self, endpoint: Option<String>) -> Self {
        Self { endpoint, ..self }
    }

    /// Scheme, host and port of a service.
    /// <https://docs.aws.amazon.com/general/latest/gr/rande.html>
    pub fn url(&self, service: &str) -> String {
        if let Some(endpoint) = &self.endpoint {
            return endpoint.trim_end_matches('/').to_owned();
        }
        let suffix = match self.region.split('-').next() {
            Some("cn") => "amazonaws.com.cn",
            Some("eusc") => "amazonaws.eu",
            _ => "amazonaws.com",
        };
        format!("https://{service}.{}.{suffix}", self.region)
    }

    /// `None`: it is no request that could be sent.
    pub fn sign(&self, ask: &ToSign<'_>) -> Option<http::Request<String>> {
        let url = format!("{}{}", self.url(ask.service), ask.path);
        let identity = self.credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(ask.service)
            .time(UNIX_EPOCH + Duration::from_millis(self.clock.now()))
            .settings(SigningSettings::default())
            .build()
            .ok()?
            .into();
        let headers = ask.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable =
            SignableRequest::new(ask.method, &url, headers, SignableBody::Bytes(ask.body.as_bytes())).ok()?;
        let (instructions, _) = sign(signable, &parameters).ok()?.into_parts();
        let mut request = http::Request::builder().method(ask.method).uri(&url);
        for (name, value) in ask.headers {
            request = request.header(*name, value);
        }
        let mut request = request.body(ask.body.to_owned()).ok()?;
        instructions.apply_to_request_http1x(&mut request);
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer(endpoint: Option<&str>) -> Signer {
        let endpoint = endpoint.map(|url| ("AWS_ENDPOINT_URL", url));
        let environment = Environment::planted(endpoint.as_slice());
        // 2026-11-23T12:00:00Z
        Signer::new(&environment.unwrap(), Clock::manual(1_795_435_200_000))
    }

    const ASK: ToSign<'static> =
        ToSign { service: "lambda", method: "GET", path: "/2015-03-31/functions/", headers: &[], body: "" };

    #[test]
    fn goes_to_its_own_host_signed_for_its_service() {
        let request = signer(None).sign(&ASK).unwrap();
        assert_eq!(request.uri(), "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/");
        let authorization = request.headers()["authorization"].to_str().unwrap();
        let scope = "AWS4-HMAC-SHA256 Credential=AKIDPLANTED/20261123/eu-central-1/lambda/aws4_request";
        assert!(authorization.starts_with(scope), "{authorization}");
        assert_eq!(request.headers()["x-amz-security-token"], "planted-token");
        assert!(!format!("{:?}", request.headers()).contains("planted-secret"));
        let here = signer(Some("http://127.0.0.1:4566/")).sign(&ASK).unwrap();
        assert_eq!(here.uri(), "http://127.0.0.1:4566/2015-03-31/functions/");
    }

    /// As the SDK's own table of partitions has them.
    #[test]
    fn host_is_that_of_the_regions_partition() {
        for (region, url) in [
            ("us-gov-west-1", "https://secretsmanager.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "https://secretsmanager.cn-north-1.amazonaws.com.cn"),
            ("eusc-de-east-1", "https://secretsmanager.eusc-de-east-1.amazonaws.eu"),
        ] {
            let signer = Signer { region: region.to_owned(), ..signer(None) };
            assert_eq!(signer.url("secretsmanager"), url);
        }
    }

    #[test]
    fn signature_covers_headers_and_body() {
        let of = |value: &str, body: &str| {
            let headers = [("x-amz-target", value.to_owned())];
            let request = signer(None).sign(&ToSign { method: "POST", headers: &headers, body, ..ASK }).unwrap();
            request.headers()["authorization"].to_str().unwrap().to_owned()
        };
        assert!(of("a", "{}").contains("SignedHeaders=host;x-amz-date;x-amz-security-token;x-amz-target"));
        assert!(of("a", "{}") != of("b", "{}") && of("a", "{}") != of("a", "{ }"));
    }
}
