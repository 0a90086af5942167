//! Rail `http`: an API that pays out, described in the configuration instead of in code. [`Api`] is a description that
//! was found right, whole; it prepares requests, and hands the same kinds of tables to the rest of this crate as a coded
//! rail does.

pub(crate) mod check;
pub mod config;
pub(crate) mod template;

use std::collections::BTreeMap;

use http::{HeaderName, Method};
use payonce_protocol::ids::{Hasher, KeyGeneration, RailKey};
use payonce_protocol::order::{Mode, PayoutKey, PayoutOrder};
use payonce_protocol::reissue::RailPromises;

use crate::amount::{AmountForm, Units};
use crate::answer::{Echo, Table};
use crate::books::Books;
use crate::request::{Misfit, Prepared};
use config::{CurrencyCase, EchoConfig, KeyShape, ReferenceForm, Scheme};
use template::{Body, Path, Values};

/// A description that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub mode: Mode,
    pub account: String,
    pub scheme: Scheme,
    pub secret_header: HeaderName,
    pub secret_prefix: String,
    pub destination_prefix: String,
    pub reference: ReferenceForm,
    pub reference_at_most: usize,
    pub form: AmountForm,
    pub units: Units,
    pub currency: CurrencyCase,
    pub key_header: Option<String>,
    pub key_shape: KeyShape,
    pub method: Method,
    pub path: Path,
    pub body: Body,
    pub content_type: String,
    pub headers: Vec<(String, String)>,
    pub fields: BTreeMap<String, usize>,
    pub echo: EchoConfig,
    pub table: Table,
    pub books: Option<Books>,
    pub promises: RailPromises,
}

impl Api {
    /// What the rail's payout carries of ours: it says the payout, never the attempt, so that one look-up sees every
    /// attempt (our-own-mark).
    pub(crate) fn reference(&self, key: &PayoutKey) -> String {
        match self.reference {
            ReferenceForm::Key => key.to_string(),
            ReferenceForm::Digest => {
                let digest = Hasher::new("payonce/reference/1").part(key.as_str()).finish();
                digest.to_string().chars().take(DIGEST_LENGTH).collect()
            }
        }
    }

    pub(crate) fn prepare(
        &self,
        host: &str,
        order: &PayoutOrder,
        generation: KeyGeneration,
    ) -> Result<Prepared, Misfit> {
        let money = self.units.convert(&order.money)?;
        if !order.destination.as_str().starts_with(&self.destination_prefix) {
            return Err(Misfit::Destination);
        }
        let reference = self.reference(&order.key);
        if reference.len() > self.reference_at_most {
            return Err(Misfit::Reference);
        }
        self.check_fields(&order.rail_fields)?;
        let rail_key = RailKey::new(&order.key, generation);
        let shown_key = match self.key_shape {
            KeyShape::Uuid => rail_key.to_string(),
            KeyShape::Hex => rail_key.as_str().replace('-', ""),
        };
        let currency = match self.currency {
            CurrencyCase::Upper => money.currency().to_string(),
            CurrencyCase::Lower => money.currency().as_str().to_ascii_lowercase(),
        };
        let values = Values {
            amount: self.form.write(&money)?,
            amount_is_number: self.form.is_number(),
            currency: &currency,
            destination: order.destination.as_str(),
            reference: &reference,
            payout_key: order.key.as_str(),
            rail_key: &shown_key,
            fields: &order.rail_fields,
        };
        let path = self.path.write(&values)?;
        let body = self.body.write(&values)?;
        let ours = [
            ("host", host.to_owned()),
            ("content-type", self.content_type.clone()),
            ("content-length", body.len().to_string()),
        ];
        let mut headers: Vec<_> = ours.map(|(name, value)| (name.to_owned(), value)).into();
        headers.extend(self.key_header.clone().map(|name| (name, shown_key.clone())));
        headers.extend(self.headers.iter().cloned());
        let echo = [
            (&self.echo.amount, Echo::Amount(self.form, money)),
            (&self.echo.currency, Echo::Text(currency.clone())),
            (&self.echo.destination, Echo::Text(order.destination.to_string())),
            (&self.echo.reference, Echo::Text(reference.clone())),
        ];
        let echo = echo.into_iter().filter_map(|(pointer, echo)| Some((pointer.clone()?, echo))).collect();
        let (method, key_generation) = (self.method.clone(), generation);
        Ok(Prepared { method, path, headers, body, rail_key, key_generation, money, echo })
    }

    /// A field that the description does not know would be lost without a word.
    fn check_fields(&self, fields: &BTreeMap<String, String>) -> Result<(), Misfit> {
        for (name, value) in fields {
            let at_most = self.fields.get(name).ok_or_else(|| Misfit::Field(name.clone()))?;
            if value.is_empty() || value.chars().count() > *at_most {
                return Err(Misfit::FieldValue(name.clone()));
            }
        }
        Ok(())
    }
}

pub(crate) const DIGEST_LENGTH: usize = 32;
