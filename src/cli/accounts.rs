//! `tokenward customer …` and `tokenward admin …`: the embedded accounts.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::cli::common::{ConfigArguments, whole_number};
use crate::cli::{Failure, office, output, password};
use crate::control::{Command, ExposedPassword};

#[derive(Debug, Subcommand)]
pub(crate) enum CustomerCommand {
    /// Make a customer; the password comes from standard input or a prompt
    Add(AddCustomer),
    /// List customers
    List(ListCustomers),
    /// Give a customer a new password, from standard input or a prompt; their sessions stay, as in Magento
    SetPassword(SetCustomerPassword),
    /// Lift a customer's lock and the throttle of their name
    Unlock(Customer),
    /// End a customer's sessions, delete the account, and make what the audit trail holds of them unreadable. For good:
    /// only copies that were made before still hold it
    Erase(EraseCustomer),
    /// List the websites that `--website` can name
    Websites(ListAdmins),
}

#[derive(Debug, Args)]
pub(crate) struct Customer {
    #[command(flatten)]
    config: ConfigArguments,
    /// E-mail address
    #[arg(long)]
    email: String,
    /// Code of the website; without it, every account with this address is meant
    #[arg(long)]
    website: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EraseCustomer {
    #[command(flatten)]
    config: ConfigArguments,
    /// E-mail address. Nobody needs to have an account with it
    #[arg(long)]
    email: String,
    /// Code of the website; without it every customer with this address is erased
    #[arg(long)]
    website: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AddCustomer {
    #[command(flatten)]
    customer: Customer,
    /// First name
    #[arg(long, default_value = "")]
    firstname: String,
    /// Last name
    #[arg(long, default_value = "")]
    lastname: String,
    #[command(flatten)]
    password: NoPassword,
    /// Without a password: the customer cannot sign in until one is set
    #[arg(long)]
    no_password: bool,
}

/// A password on the command line, which is refused.
#[derive(Debug, Args)]
pub(crate) struct NoPassword {
    #[arg(long, hide = true, value_parser = refuse_password)]
    password: Option<std::convert::Infallible>,
}

/// An argument can be read by every user of the machine.
fn refuse_password(_: &str) -> Result<std::convert::Infallible, &'static str> {
    Err("a password comes from standard input or a prompt, where nobody else can read it: leave --password out")
}

#[derive(Debug, Args)]
pub(crate) struct ListCustomers {
    #[command(flatten)]
    config: ConfigArguments,
    /// Only those after this number: the last one of the page before
    #[arg(long, default_value_t = 0, value_parser = whole_number::<u32>)]
    after: u32,
    /// At most so many
    #[arg(long, default_value_t = 100, value_parser = whole_number::<u32>)]
    limit: u32,
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Make an administrator; the password comes from standard input or a prompt
    Add(AddAdmin),
    /// List administrators
    List(ListAdmins),
    /// Give an administrator a new password, from standard input or a prompt
    SetPassword(SetAdminPassword),
    /// Give an administrator a new secret for an authenticator app, and show it as address and QR code
    SetTotp(SetTotp),
    /// Lift the throttle of an administrator's name
    Unlock(Admin),
    /// Deactivate an administrator and end their sessions
    Disable(DisableAdmin),
    /// Let an administrator who was deactivated in again
    Enable(Admin),
    /// List the roles that `--role` can name
    Roles(ListAdmins),
}

#[derive(Debug, Args)]
pub(crate) struct DisableAdmin {
    #[command(flatten)]
    admin: Admin,
    /// Also the last one who may do everything
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetTotp {
    #[command(flatten)]
    admin: Admin,
    /// Take the secret (base32) from standard input or a prompt instead of making one
    #[arg(long, conflicts_with = "remove")]
    secret_stdin: bool,
    /// Take the second factor away: the administrator has none then
    #[arg(long)]
    remove: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Admin {
    #[command(flatten)]
    config: ConfigArguments,
    /// User name
    #[arg(long)]
    username: String,
}

#[derive(Debug, Args)]
pub(crate) struct SetCustomerPassword {
    #[command(flatten)]
    customer: Customer,
    #[command(flatten)]
    password: NoPassword,
}

#[derive(Debug, Args)]
pub(crate) struct SetAdminPassword {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    password: NoPassword,
}

#[derive(Debug, Args)]
pub(crate) struct AddAdmin {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    password: NoPassword,
    /// E-mail address
    #[arg(long)]
    email: String,
    /// First name
    #[arg(long, default_value = "")]
    firstname: String,
    /// Last name
    #[arg(long, default_value = "")]
    lastname: String,
    /// Name of the role, as `admin roles` lists them; without it everything is allowed
    #[arg(long)]
    role: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListAdmins {
    #[command(flatten)]
    config: ConfigArguments,
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

impl CustomerCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(AddCustomer { customer, firstname, lastname, no_password, .. }) => {
                let password = if no_password { None } else { Some(password::new_password()?) };
                let Customer { config, email, website } = customer;
                let command = Command::AddCustomer { email, firstname, lastname, website, password };
                finish(&config, command, false)
            }
            Self::List(ListCustomers { config, after, limit, json }) => {
                finish(&config, Command::ListCustomers { after, limit }, json)
            }
            Self::SetPassword(SetCustomerPassword { customer: Customer { config, email, website }, .. }) => {
                let password = password::new_password()?;
                finish(&config, Command::SetCustomerPassword { email, website, password }, false)
            }
            Self::Unlock(Customer { config, email, website }) => {
                finish(&config, Command::UnlockCustomer { email, website }, false)
            }
            Self::Erase(EraseCustomer { config, email, website }) => {
                finish(&config, Command::EraseCustomer { email, website }, false)
            }
            Self::Websites(ListAdmins { config, json }) => finish(&config, Command::ListWebsites, json),
        }
    }
}

impl AdminCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(AddAdmin { admin: Admin { config, username }, email, firstname, lastname, role, .. }) => {
                let password: ExposedPassword = password::new_password()?;
                let command = Command::AddAdministrator { username, email, firstname, lastname, role, password };
                finish(&config, command, false)
            }
            Self::List(ListAdmins { config, json }) => finish(&config, Command::ListAdministrators, json),
            Self::SetPassword(SetAdminPassword { admin: Admin { config, username }, .. }) => {
                let password = password::new_password()?;
                finish(&config, Command::SetAdministratorPassword { username, password }, false)
            }
            Self::SetTotp(SetTotp { admin: Admin { config, username }, remove: true, .. }) => {
                finish(&config, Command::RemoveSecondFactor { username }, false)
            }
            Self::SetTotp(SetTotp { admin: Admin { config, username }, secret_stdin, .. }) => {
                let secret = secret_stdin.then(password::secret).transpose()?;
                finish(&config, Command::SetSecondFactor { username, secret }, false)
            }
            Self::Unlock(Admin { config, username }) => {
                finish(&config, Command::UnlockAdministrator { username }, false)
            }
            Self::Disable(DisableAdmin { admin: Admin { config, username }, force }) => {
                finish(&config, Command::DisableAdministrator { username, force }, false)
            }
            Self::Enable(Admin { config, username }) => {
                finish(&config, Command::EnableAdministrator { username }, false)
            }
            Self::Roles(ListAdmins { config, json }) => finish(&config, Command::ListRoles, json),
        }
    }
}

fn finish(config: &ConfigArguments, command: Command, json: bool) -> Result<ExitCode, Failure> {
    output::print_answer(office::carry_out(config, command)?, json)
}
