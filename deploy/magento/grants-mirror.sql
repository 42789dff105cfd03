-- What tokenward needs besides grants.sql with magento.mirror_tokens = true: tokens that are issued here are rows of the
-- shop's table, and go from there when they end. To be run like grants.sql, after it.

GRANT INSERT, DELETE ON oauth_token TO 'tokenward'@'%';
-- Only with magento.rehash = true, for administrators; that of customers is in grants.sql.
GRANT UPDATE (password) ON admin_user TO 'tokenward'@'%';
