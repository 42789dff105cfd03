-- The rights that tokenward needs in a shop's database: to be run there by an administrator, with the shop's database
-- chosen (`mariadb magento < grants.sql`). With a table prefix, put it before every table. Tables that an older shop does
-- not have are left out.
--
-- '%' is any host: put the network of the servers in its place, in every line, such as 'tokenward'@'10.0.0.%'.

CREATE USER IF NOT EXISTS 'tokenward'@'%' IDENTIFIED BY 'a long password';

GRANT SELECT ON store_website TO 'tokenward'@'%';
GRANT SELECT ON store_group TO 'tokenward'@'%';
GRANT SELECT ON store TO 'tokenward'@'%';
GRANT SELECT ON customer_entity TO 'tokenward'@'%';
GRANT SELECT ON customer_group_excluded_website TO 'tokenward'@'%';
GRANT SELECT ON admin_user TO 'tokenward'@'%';
GRANT SELECT ON admin_user_expiration TO 'tokenward'@'%';
GRANT SELECT ON authorization_role TO 'tokenward'@'%';
GRANT SELECT ON authorization_rule TO 'tokenward'@'%';
GRANT SELECT ON tfa_user_config TO 'tokenward'@'%';
-- Opaque tokens that the shop issued.
GRANT SELECT ON oauth_token TO 'tokenward'@'%';
GRANT SELECT ON integration TO 'tokenward'@'%';

-- Failed sign-ins: the customer's counter and lock. A changed password.
GRANT UPDATE (failures_num, first_failure, lock_expires, password_hash)
    ON customer_entity TO 'tokenward'@'%';
-- The throttle of names.
GRANT SELECT, INSERT, UPDATE, DELETE ON oauth_token_request_log TO 'tokenward'@'%';
-- Revocations: those of the shop are honoured here, and those made here are written there.
GRANT SELECT, INSERT, UPDATE ON jwt_auth_revoked TO 'tokenward'@'%';
-- When customers and administrators signed in; an administrator whose account has ended is switched off.
GRANT SELECT, INSERT, UPDATE ON customer_log TO 'tokenward'@'%';
GRANT UPDATE (logdate, lognum, is_active) ON admin_user TO 'tokenward'@'%';
-- Settings that are changed by the admin API or `tokenward setting`.
GRANT SELECT, INSERT, UPDATE, DELETE ON core_config_data TO 'tokenward'@'%';
-- A changed password ends the shop's own sessions, too. Last, because older shops do not have this column: without it this
-- line is left out.
GRANT UPDATE (session_cutoff) ON customer_entity TO 'tokenward'@'%';
