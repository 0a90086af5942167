//! For whoever signed in and has no role: where roles were looked for, what was found there, and what an administrator can
//! change. It shows the reader's own name, and nothing else that the token says.

use askama::Template;
use payonce_identity::NoRole;

use super::format::Text as _;
use super::frame::Frame;
use super::icon::Icon;

#[derive(Clone, Debug, Template)]
#[template(path = "no_role.html", whitespace = "minimize")]
pub struct NoRolePage {
    pub frame: Frame,
    pub name: String,
    /// The configured JSON pointer.
    pub claim: String,
    pub found: NoRole,
}

impl NoRolePage {
    pub fn render(&self) -> Result<String, askama::Error> {
        Template::render(self)
    }

    fn found(&self) -> &'static str {
        match self.found {
            NoRole::Absent => "it is not there",
            NoRole::Linked => "the issuer sent a link instead of groups",
            NoRole::Empty => "it is empty",
            NoRole::OtherType => "it is of another type than a text or a list of texts",
            NoRole::NoneConfigured => "it holds none of the configured names",
        }
    }

    fn remedy(&self) -> &'static str {
        match self.found {
            NoRole::Absent => {
                "At the issuer, put the roles or groups into the ID token: the access token and the userinfo endpoint are \
                 not read. Or they stand elsewhere in it: then let console.identity.roles_claim point there, with ~1 for \
                 each / in the claim\u{2019}s own name."
            }
            NoRole::Linked => {
                "This person is in more groups than the issuer writes into a token (Entra ID: 200), and the list behind \
                 the link is not asked for. At the issuer, send only the groups that are assigned to this application, or \
                 use roles of the application, and let console.identity.roles_claim point to them."
            }
            NoRole::Empty => {
                "At the issuer, give this person one of the roles or groups that console.identity.roles names. If there is \
                 one, another claim holds it: let console.identity.roles_claim point there."
            }
            NoRole::OtherType => {
                "Let console.identity.roles_claim point to a text or to a list of texts, perhaps inside of what is there."
            }
            NoRole::NoneConfigured => {
                "Give this person one of the roles or groups that console.identity.roles names, or name one of theirs \
                 there, letter for letter. Some issuers send a group\u{2019}s id, not its name."
            }
        }
    }
}
