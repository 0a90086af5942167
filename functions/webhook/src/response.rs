//! What the provider reads: 200 with the payout keys and outcomes, or a problem (RFC 9457).

use http::{StatusCode, header};
use lambda_http::{Body, Response};
use payonce_protocol::end::End;
use serde_json::{Value, json};

/// What became of one event.
pub(crate) struct EventAnswer {
    pub(crate) event: Option<String>,
    pub(crate) payout_key: Option<String>,
    pub(crate) end: End,
}

impl EventAnswer {
    pub(crate) fn is_final(&self) -> bool {
        match self.end {
            End::NoPayout | End::Barred | End::Filed(_) => true,
            End::NotFiled => false,
            End::Order(answer) => answer.is_final(),
        }
    }

    fn json(&self) -> Value {
        json!({
            "event": self.event,
            "payout_key": self.payout_key,
            "outcome": self.end.outcome(),
            "reason": self.end.reason(),
        })
    }
}

/// 200 when every event is final, else 503: at least one event is unclaimed and wants to come again.
pub(crate) fn to_events<'e>(events: impl Iterator<Item = &'e EventAnswer> + Clone) -> Response<Body> {
    let listed: Vec<Value> = events.clone().map(EventAnswer::json).collect();
    if { events }.all(EventAnswer::is_final) {
        return respond(StatusCode::OK, "application/json", &json!({ "events": listed }));
    }
    problem(StatusCode::SERVICE_UNAVAILABLE, "Please deliver again", json!({ "events": listed }))
}

pub(crate) fn not_verified() -> Response<Body> {
    problem(StatusCode::UNAUTHORIZED, "The signature does not verify", json!({}))
}

/// Nothing is known of it, not even whether it is the provider's.
pub(crate) fn not_checked() -> Response<Body> {
    problem(StatusCode::SERVICE_UNAVAILABLE, "The signature cannot be checked now; please deliver again", json!({}))
}

pub(crate) fn not_begun() -> Response<Body> {
    problem(StatusCode::SERVICE_UNAVAILABLE, "The delivery cannot be handled now; please deliver again", json!({}))
}

pub(crate) fn too_large() -> Response<Body> {
    problem(StatusCode::PAYLOAD_TOO_LARGE, "The delivery is too large", json!({}))
}

fn problem(status: StatusCode, title: &str, mut members: Value) -> Response<Body> {
    members["title"] = title.into();
    members["status"] = status.as_u16().into();
    respond(status, "application/problem+json", &members)
}

fn respond(status: StatusCode, media_type: &'static str, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::Text(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response
}
