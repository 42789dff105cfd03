-- The rights that tokenward needs in a shop's database: to be run there by an administrator, with the shop's database
-- chosen. With a table prefix, put it before every table.
--
-- A shop may lack some of these tables and columns (an older one, or one without the module), and a client stops at the
-- first that is not there. So run it to the end whatever is missing, and read which lines were refused:
--
--     mariadb --force magento < grants.sql
--
-- (`mysql --force` is the same), or delete the lines of what the shop does not have. What is necessary comes first.
--
-- '%' is any host: put the network of the servers in its place, in every line, such as 'tokenward'@'10.0.0.%'.

CREATE USER IF NOT EXISTS 'tokenward'@'%' IDENTIFIED BY 'a long password';

-- Necessary, and in every shop.
GRANT SELECT ON store_website TO 'tokenward'@'%';
GRANT SELECT ON store_group TO 'tokenward'@'%';
GRANT SELECT ON store TO 'tokenward'@'%';
GRANT SELECT (entity_id, website_id, email, group_id, store_id, created_in, prefix, firstname, middlename, lastname, suffix, dob,
    gender, taxvat, password_hash, is_active, confirmation, failures_num, first_failure, lock_expires, created_at, updated_at)
    ON customer_entity TO 'tokenward'@'%';
GRANT SELECT (user_id, username, email, firstname, lastname, password, is_active, logdate, lognum)
    ON admin_user TO 'tokenward'@'%';
GRANT SELECT ON authorization_role TO 'tokenward'@'%';
GRANT SELECT ON authorization_rule TO 'tokenward'@'%';
-- Failed sign-ins: the customer's counter and lock. A changed password.
GRANT UPDATE (failures_num, first_failure, lock_expires, password_hash)
    ON customer_entity TO 'tokenward'@'%';
-- When administrators signed in; an administrator whose account has ended is switched off.
GRANT UPDATE (logdate, lognum, is_active) ON admin_user TO 'tokenward'@'%';
-- The throttle of names.
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth_token_request_log TO 'tokenward'@'%';
-- Settings, which the admin API and `tokenward setting` change.
GRANT SELECT, INSERT, UPDATE, DELETE ON core_config_data TO 'tokenward'@'%';

-- Where the shop has them. Without the right to read one of these, tokenward takes it for missing: administrators whose
-- account has ended, revocations and second factors would go unnoticed then, which it warns of at the start.
GRANT SELECT ON admin_user_expiration TO 'tokenward'@'%';
GRANT SELECT ON tfa_user_config TO 'tokenward'@'%';
GRANT SELECT ON customer_group_excluded_website TO 'tokenward'@'%';
-- Revocations: those of the shop are honoured here, and those made here are written there.
GRANT SELECT, INSERT, UPDATE ON jwt_auth_revoked TO 'tokenward'@'%';
-- Opaque tokens that the shop issued; not their secrets, which nobody reads here.
GRANT SELECT (entity_id, consumer_id, admin_id, customer_id, type, token, revoked, user_type, created_at)
    ON oauth_token TO 'tokenward'@'%';
GRANT SELECT ON integration TO 'tokenward'@'%';
-- When customers signed in.
GRANT SELECT, INSERT, UPDATE ON customer_log TO 'tokenward'@'%';
-- A changed password ends the shop's own sessions, too.
GRANT SELECT (session_cutoff), UPDATE (session_cutoff) ON customer_entity TO 'tokenward'@'%';
