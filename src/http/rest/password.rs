//! `PUT /V1/customers/me/password` (fact sheet 2.7, 3.2).

use std::mem;

use actix_web::{HttpResponse, web};

use crate::http::error::Failure;
use crate::http::rest::arguments::Text;
use crate::http::rest::error::RestError;
use crate::http::rest::{Call, arguments, body};
use crate::secret::Password;
use crate::sign_in::{PasswordChange, PasswordChangeError};

/// Changes the password of the customer who calls. Whoever the body names, it is the caller's own. Sessions go on.
pub(super) async fn change(call: &Call<'_>, payload: web::Payload) -> Result<HttpResponse, RestError> {
    let customer = call.customer().await?.subject.id;
    let body = body::read(call.request, payload, call.services.options.max_body).await?;
    let [current, new] = arguments::texts(["currentPassword", "newPassword"], call.request, &body)?;
    let change = PasswordChange { customer, current: password(current), new: password(new) };
    call.services.sign_in.change_password(change, call.caller()).await?;
    Ok(call.answer_with(&true))
}

/// The text is moved into its new owner, which wipes it: a copy would be one more to wipe.
fn password(mut text: Text) -> Password {
    Password::new(mem::take(&mut *text))
}

impl From<PasswordChangeError> for RestError {
    fn from(error: PasswordChangeError) -> Self {
        match error {
            PasswordChangeError::NoSuchCustomer => Self::NobodyToSignIn,
            PasswordChangeError::WrongPassword => Self::CurrentPasswordWrong,
            PasswordChangeError::Locked => Self::Failed(Failure::AccountLocked),
            PasswordChangeError::Unacceptable(problem) => Self::PasswordUnacceptable(problem),
            PasswordChangeError::Busy { retry_after } => Self::Failed(Failure::TooManySignIns { retry_after }),
            PasswordChangeError::Unavailable => Self::Failed(Failure::Unavailable),
        }
    }
}
