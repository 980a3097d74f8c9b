//! Odoo's own "Send Webhook Notification": a flat object with the fields that an administrator chose.
//! The form is the same in 17, 18 and 19. It has no marker of creation or deletion, no event id and no log position.

use serde_json::{Map, Value};

use super::columns::{self, Kind};
use super::{Change, ChangeMessage, values};
use crate::domain::record::OdooImage;
use crate::domain::verdict::{Code, Park};

pub(super) fn parse(message: &ChangeMessage<'_>, body: &Map<String, Value>) -> Result<OdooImage, Park> {
    let model = body.get("_model").and_then(Value::as_str).unwrap_or_default();
    let table = columns::by_model(model).ok_or_else(|| columns::not_followed(model))?;
    let record_id = body
        .get("_id")
        .or_else(|| body.get("id"))
        .and_then(Value::as_i64)
        .ok_or_else(|| Park::new(Code::BAD_CHANGE_EVENT, "a webhook without an id"))?;
    let mut fields = Map::new();
    for (column, kind) in table.columns {
        let Some(raw) = body.get(*column) else { continue };
        let mut value = values::read(column, *kind, raw, None, message.language)?;
        if *kind == Kind::DecimalOrUnset && value.as_str() == Some("0") {
            value = Value::Null;
        }
        fields.insert((*column).to_owned(), value);
    }
    let change = Change {
        model: table.model,
        record_id,
        deleted: false,
        fields,
        complete: false,
        origin: "webhook",
        transaction_id: None,
        log_position: None,
    };
    Ok(change.image(message))
}
