-- The rights that tokenward needs with magento.write = false: to read, and no more. To be run by an administrator, with
-- the shop's database chosen. With a table prefix, put it before every table.
--
-- A shop may lack some of these tables, and a client stops at the first that is not there: run it with
-- `mariadb --force magento < grants-read-only.sql` (or `mysql --force`) and read which lines were refused, or delete the
-- lines of what the shop does not have. What is necessary comes first.
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
GRANT SELECT ON oauth_token_request_log TO 'tokenward'@'%';
GRANT SELECT ON core_config_data TO 'tokenward'@'%';

-- Where the shop has them. Without the right to read one of these, tokenward takes it for missing.
GRANT SELECT ON admin_user_expiration TO 'tokenward'@'%';
GRANT SELECT ON tfa_user_config TO 'tokenward'@'%';
GRANT SELECT ON customer_group_excluded_website TO 'tokenward'@'%';
GRANT SELECT ON jwt_auth_revoked TO 'tokenward'@'%';
GRANT SELECT (entity_id, consumer_id, admin_id, customer_id, type, token, revoked, user_type, created_at)
    ON oauth_token TO 'tokenward'@'%';
GRANT SELECT ON integration TO 'tokenward'@'%';
GRANT SELECT (session_cutoff) ON customer_entity TO 'tokenward'@'%';
