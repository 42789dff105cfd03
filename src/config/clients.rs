//! `[[clients]]`: who may introspect and revoke tokens (RFC 7662, RFC 7009).

use crate::config::reader::Reader;
use crate::config::value::text;
use crate::secret::Secret;

/// A caller of introspection and revocation.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its name.
    pub id: String,
    /// What it authenticates with.
    pub secret: Secret,
}

/// Reads all clients; one that is not complete is reported and left out.
pub(super) fn read(reader: &mut Reader) -> Vec<Client> {
    let count = reader.tables("clients");
    let mut clients: Vec<Client> = Vec::new();
    for index in 0..count {
        let Some(client) = read_one(reader, &format!("clients[{index}]")) else {
            continue;
        };
        if clients.iter().any(|other| other.id == client.id) {
            let key = format!("clients[{index}].id");
            reader.report(reader.places.of(&key), &key, format!("{:?} is there twice", client.id));
        }
        clients.push(client);
    }
    clients
}

fn read_one(reader: &mut Reader, table: &str) -> Option<Client> {
    let problems = reader.problems.len();
    let id = reader.read(&format!("{table}.id"), text);
    let secret = reader.secret(&format!("{table}.secret"));
    if reader.problems.len() == problems && (id.is_none() || secret.is_none()) {
        reader.report(reader.place_of_table(table), table, "needs an id, and a secret or a secret_file");
    }
    Some(Client { id: id?, secret: Secret::new(secret?) })
}
